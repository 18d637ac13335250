/// The option table of the `tail` input.
enum TailSchema {
  static let table = PluginSchema(
    kind: .input, name: "tail", help: "lines of files, through rotation",
    options: files + reading + lines + positions + multiline + encodings)

  private static let files: [OptionSchema] = [
    OptionSchema("path", .commaList, required: true, help: "files to read, with * ? [...] and ~"),
    OptionSchema("exclude_path", .commaList, help: "files to leave out; * crosses /"),
    OptionSchema("refresh_interval", .double, default: "60", help: "seconds between full scans"),
    OptionSchema(
      "watcher_interval", .time, default: "2s",
      .noCounterpart("links and renames are watched in their folders as they happen"),
      help: "seconds between checks of links and renames"),
    OptionSchema("progress_check_interval", .time, default: "2s", progress, help: "seconds"),
    OptionSchema(
      "progress_check_interval_nsec", .integer, default: "0", progress, help: "nanoseconds"),
    OptionSchema(
      "rotate_wait", .time, default: "5", help: "seconds a rotated file is held after its end"),
    OptionSchema("ignore_older", .time, default: "0", help: "leave out files not touched for this"),
    OptionSchema(
      "ignore_active_older_files", .bool, default: "false", help: "also stop following such files"),
    OptionSchema("inotify_watcher", .bool, default: "true", help: "false polls instead"),
  ]

  private static let progress = OptionClass.noCounterpart(
    "a slow poll of all files is built in and costs idle files nothing")

  private static let reading: [OptionSchema] = [
    OptionSchema("read_from_head", .bool, default: "false", help: "start of files found at first"),
    OptionSchema(
      "read_newly_discovered_files_from_head", .bool, default: "true",
      help: "start of files found later"),
    OptionSchema(
      "buffer_chunk_size", .size, default: "32768",
      .noCounterpart("files are read straight into the ring"), help: "first size of the buffer"),
    OptionSchema("buffer_max_size", .size, default: "32768", help: "longest line in bytes"),
    OptionSchema(
      "static_batch_size", .size, default: "50M",
      help: "bytes of one turn of a file, 256 KiB at most"),
    OptionSchema(
      "event_batch_size", .size, default: "50M",
      help: "bytes of one turn of a file, 256 KiB at most"),
    OptionSchema("exit_on_eof", .bool, default: "false", help: "stop when all files are read"),
    OptionSchema(
      "file_cache_advise", .bool, default: "true", help: "drop what was read from the page cache"),
  ]

  private static let lines: [OptionSchema] = [
    OptionSchema("key", default: "log", help: "field of a line that no parser read"),
    OptionSchema("skip_long_lines", .bool, default: "false", help: "leave out lines too long"),
    OptionSchema("truncate_long_lines", .bool, default: "false", help: "cut lines too long"),
    OptionSchema("skip_empty_lines", .bool, default: "false", help: "leave out empty lines"),
    OptionSchema("path_key", help: "field for the path"),
    OptionSchema("offset_key", help: "field for the byte offset"),
    OptionSchema("parser", help: "parser for each line"),
    OptionSchema("tag_regex", .regex, help: "captures of the path for <name> in the tag"),
  ]

  private static let positions: [OptionSchema] = [
    OptionSchema("db", help: "file of the read positions"),
    OptionSchema(
      "db.sync", .choice(["extra", "full", "normal", "off"]), default: "normal",
      help: "how it is synced"),
    OptionSchema("db.locking", .bool, default: "false", help: "lock it for this process"),
    OptionSchema(
      "db.journal_mode", .choice(["delete", "truncate", "persist", "memory", "wal", "off"]),
      default: "WAL", help: "its journal"),
    OptionSchema(
      "db.compare_filename", .bool, default: "false", help: "the name is part of the identity"),
  ]

  private static let multiline: [OptionSchema] = [
    OptionSchema("multiline.parser", .commaList, repeatable: true, help: "multiline parsers"),
    OptionSchema("multiline", .bool, default: "false", help: "old multiline mode"),
    OptionSchema("multiline_flush", .time, default: "4", help: "seconds of an open record"),
    OptionSchema("parser_firstline", help: "parser of a first line"),
    OptionSchema("parser_#", help: "parsers of further lines"),
    OptionSchema("docker_mode", .bool, default: "false", help: "join lines that docker split"),
    OptionSchema("docker_mode_flush", .time, default: "4", help: "seconds of an open line"),
    OptionSchema("docker_mode_parser", help: "parser of a first line"),
  ]

  private static let encodings: [OptionSchema] = [
    OptionSchema(
      "unicode.encoding", .choice(["utf-16le", "utf-16be", "auto"]), help: "UTF-16 input"),
    OptionSchema("generic.encoding", help: "other encodings of the input"),
    OptionSchema(
      "windows.path_encoding", default: "ansi", .noCounterpart("for Windows only"),
      help: "encoding of paths"),
  ]
}
