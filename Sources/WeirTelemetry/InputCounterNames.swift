/// Names of the further counters that inputs keep (`StageCounters.extra`).
public enum InputCounterNames {
  public static let filesOpened = "files_opened"
  public static let filesClosed = "files_closed"
  public static let filesRotated = "files_rotated"
  public static let longLinesTruncated = "long_line_truncated"
  public static let longLinesSkipped = "long_line_skipped"
  public static let longLinesSplit = "long_line_split"
  public static let multilineTruncated = "multiline_truncated"
  public static let lostBytes = "lost_bytes"
  public static let shedBytes = "shed_bytes"
  public static let stalledFiles = "stalled_files"
  public static let errors = "file_errors"
  /// Files whose content was cut off or replaced while they were read.
  public static let filesTruncated = "files_truncated"
  /// Byte sequences that `unicode.encoding` or `generic.encoding` could not read.
  public static let encodingErrors = "encoding_errors"
  /// How often the input stopped reading at its `mem_buf_limit`.
  public static let memoryPauses = "mem_buf_limit_pauses"
  /// How often it stopped reading at its `rate_gate`.
  public static let ratePauses = "rate_gate_pauses"
  /// Idle files that were closed to stay within the descriptors, and opened again.
  public static let filesParked = "files_parked"
  public static let filesUnparked = "files_unparked"
  public static let all =
    [
      filesOpened, filesClosed, filesRotated, longLinesTruncated, longLinesSkipped, longLinesSplit,
      multilineTruncated, lostBytes, shedBytes, stalledFiles, errors, filesTruncated,
      encodingErrors, memoryPauses, ratePauses, filesParked, filesUnparked,
    ] + ParserCounterNames.all
}
