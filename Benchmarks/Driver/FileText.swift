import Glibc

/// Small readers of files.
enum FileText {
  /// The whole text; empty where the file cannot be read.
  static func read(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
      bytes.append(contentsOf: chunk[0..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func tail(of path: String, lines: Int) -> String {
    read(path).split(separator: "\n").suffix(lines).joined(separator: "\n")
  }

  /// The size in bytes; nil where there is no such file.
  static func size(_ path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : nil
  }

  /// Walks over the lines of a file, each without its end. It reads through a small buffer rather
  /// than a mapping, which would count into the peak memory of processes started later.
  static func forEachLine(
    of path: String, _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) throws(BenchError) {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw .system(path, errno) }
    defer { close(descriptor) }
    let capacity = 1 << 20
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    defer { buffer.deallocate() }
    var kept = 0
    while true {
      let count = Glibc.read(descriptor, buffer + kept, capacity - kept)
      if count < 0 { throw .system(path, errno) }
      if count == 0 { break }
      let end = kept + count
      var start = 0
      while let found = memchr(buffer + start, 10, end - start) {
        let feed = UnsafeRawPointer(found) - UnsafeRawPointer(buffer)
        body(UnsafeBufferPointer(start: buffer + start, count: feed - start))
        start = feed + 1
      }
      kept = end - start
      // A line longer than the buffer would have no room to end in.
      if kept == capacity { throw .wrong("\(path) has a line of more than \(capacity) bytes") }
      memmove(buffer, buffer + start, kept)
    }
    if kept > 0 { body(UnsafeBufferPointer(start: buffer, count: kept)) }
  }
}
