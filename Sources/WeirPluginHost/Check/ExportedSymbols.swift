import Glibc

/// The names that a 64-bit ELF file of this byte order shows to the dynamic linker.
enum ExportedSymbols {
  private static let fileBytesMax = 256 << 20

  /// Functions and data that are defined there and visible; nil when the file is no such ELF file.
  static func read(_ path: String) -> [String]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    guard fseek(file, 0, SEEK_END) == 0, case let size = ftell(file), size > 64,
      size <= fileBytesMax, fseek(file, 0, SEEK_SET) == 0
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    guard fread(&bytes, 1, size, file) == size else { return nil }
    return bytes.withUnsafeBytes { names(in: $0) }
  }

  static func names(in file: UnsafeRawBufferPointer) -> [String]? {
    guard file.count >= 64, file.prefix(6).elementsEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
      return nil
    }
    let tableOffset = load(UInt64.self, file, 40)
    let entrySize = UInt64(load(UInt16.self, file, 58) ?? 0)
    let count = UInt64(load(UInt16.self, file, 60) ?? 0)
    guard let tableOffset, entrySize >= 64 else { return nil }
    for index in 0..<count {
      let (at, overflow) = tableOffset.addingReportingOverflow(index * entrySize)
      guard !overflow, let type = load(UInt32.self, file, at &+ 4) else { return nil }
      // SHT_DYNSYM: its link is the section with the names.
      guard type == 11, let link = load(UInt32.self, file, at &+ 40) else { continue }
      let strings = tableOffset &+ UInt64(link) &* entrySize
      guard let offset = load(UInt64.self, file, at &+ 24),
        let size = load(UInt64.self, file, at &+ 32),
        let stringOffset = load(UInt64.self, file, strings &+ 24)
      else { return nil }
      return symbols(file, offset, size, stringOffset)
    }
    return []
  }

  private static func symbols(
    _ file: UnsafeRawBufferPointer, _ offset: UInt64, _ size: UInt64, _ strings: UInt64
  ) -> [String]? {
    guard size <= UInt64(file.count) else { return nil }
    var names: [String] = []
    for index in 0..<size / 24 {
      let at = offset &+ index * 24
      guard let name = load(UInt32.self, file, at), let info = load(UInt8.self, file, at &+ 4),
        let other = load(UInt8.self, file, at &+ 5), let section = load(UInt16.self, file, at &+ 6)
      else { return nil }
      let isVisible = info >> 4 == 1 || info >> 4 == 2
      let isDefined = section != 0 && section < 0xff00
      guard isVisible, isDefined, other & 3 == 0 || other & 3 == 3 else { continue }
      names.append(text(file, strings &+ UInt64(name)))
    }
    return names
  }

  private static func text(_ file: UnsafeRawBufferPointer, _ offset: UInt64) -> String {
    guard offset < UInt64(file.count) else { return "" }
    return String(decoding: file[Int(offset)...].prefix { $0 != 0 }.prefix(4096), as: UTF8.self)
  }

  private static func load<T: FixedWidthInteger>(
    _ type: T.Type, _ file: UnsafeRawBufferPointer, _ offset: UInt64
  ) -> T? {
    guard offset <= UInt64(file.count), UInt64(file.count) - offset >= UInt64(MemoryLayout<T>.size)
    else { return nil }
    return file.loadUnaligned(fromByteOffset: Int(offset), as: T.self)
  }
}
