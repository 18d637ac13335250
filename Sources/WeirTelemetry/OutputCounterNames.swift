/// Names of the further counters that outputs over HTTP keep (`StageCounters.extra`).
public enum OutputCounterNames {
  /// Requests sent, and those that failed as a whole.
  public static let requests = "requests"
  public static let failedRequests = "failed_requests"
  /// Requests that the server found too large and that were halved.
  public static let splitRequests = "split_requests"
  /// Items that an earlier try had stored (409 on create).
  public static let duplicates = "duplicates"
  /// Those of them that came of no earlier try: neither of a retry, nor of a part of a file that
  /// was read before a restart. Their ids are other records' too, or somebody else sends the same.
  public static let firstAttemptDuplicates = "duplicates_first_attempt"
  /// Items written to the dead letters.
  public static let deadLetters = "dead_letters"
  /// Items written to the spool.
  public static let spooled = "spooled"
  /// Items of a partly stored entry whose rest the spool refused: they wait in memory, and a crash
  /// repeats the entry.
  public static let restsInMemory = "rests_in_memory"
  /// Items shed from a full spool (`storage.total_limit_action drop_oldest`).
  public static let spoolShed = "spool_shed"
  /// Dead letters shed because there are too many (`storage.rejected.limit`).
  public static let lettersShed = "dead_letters_shed"
  /// Entries of the spool that were damaged.
  public static let spoolQuarantined = "spool_quarantined"
  public static let all = [
    requests, failedRequests, splitRequests, duplicates, firstAttemptDuplicates, deadLetters,
    spooled, restsInMemory,
    spoolShed, lettersShed, spoolQuarantined,
  ]
}
