import Glibc
import Testing
import WeirStage
import WeirTestSupport

@testable import WeirPluginHost

/// The gzip plugin through the host: what users of `Codec` see.
@Suite("gzip")
struct GzipTests {
  static let engines = ["zlib", "isal"].filter { engine in
    (try? codec(engine: engine)) != nil
  }

  static func codec(engine: String = "auto", level: Int = 1, cap: Int = 0) throws -> any Codec {
    let host = PluginHost(loader: PluginLoader(folder: nil))
    try host.load(named: Build.plugin("WeirGzip"))
    return try host.codec("gzip").open(options: [
      ("engine", engine), ("level", "\(level)"), ("inflate_bytes_max", "\(cap)"),
    ])
  }

  /// One member of `bytes`, fed and drained in pieces of random sizes.
  static func deflate(_ codec: any Codec, _ bytes: [UInt8], piece: Int, seed: UInt64) throws
    -> [UInt8]
  {
    var random = SeededGenerator(seed: seed)
    try codec.begin(.deflate)
    var out: [UInt8] = []
    var room = [UInt8](repeating: 0, count: piece)
    var at = 0
    while at < bytes.count {
      let end = min(bytes.count, at + 1 + Int(random.next() % UInt64(piece)))
      let step = room.withUnsafeMutableBytes { room in
        bytes[at..<end].withUnsafeBytes { codec.write($0, into: room) }
      }
      if case .failed(let why) = step.status { throw CodecError.refused(why) }
      out.append(contentsOf: room[..<step.produced])
      at += step.consumed
    }
    while true {
      let step = room.withUnsafeMutableBytes { codec.finish(into: $0) }
      if case .failed(let why) = step.status { throw CodecError.refused(why) }
      out.append(contentsOf: room[..<step.produced])
      if step.status == .done { return out }
    }
  }

  struct Inflated {
    var bytes: [UInt8] = []
    var status = MemberInflater.Status.needsInput
    var members = 0
    var isComplete = false
  }

  static func inflate(
    _ codec: any Codec, _ bytes: [UInt8], piece: Int, seed: UInt64, cap: Int = .max
  ) -> Inflated {
    var random = SeededGenerator(seed: seed)
    let inflater = MemberInflater(codec, bytesMax: cap)
    var result = Inflated()
    var room = [UInt8](repeating: 0, count: piece)
    var at = 0
    while true {
      let end = min(bytes.count, at + Int(random.next() % UInt64(piece + 1)))
      var consumed = 0
      var produced = 0
      result.status = room.withUnsafeMutableBytes { room in
        bytes[at..<end].withUnsafeBytes {
          inflater.read($0, into: room, consumed: &consumed, produced: &produced)
        }
      }
      at += consumed
      result.bytes.append(contentsOf: room[..<produced])
      result.members = inflater.memberCount
      result.isComplete = inflater.isComplete
      switch result.status {
      case .needsInput where at == bytes.count: return result
      case .needsInput, .noSpace: continue
      case .end, .limit, .failed: return result
      }
    }
  }

  @Test("a member made by one engine is read by each", arguments: [0, 1, 100, 65_536, 700_001])
  func roundTrip(count: Int) throws {
    for isRandom in [false, true] {
      let bytes = sampleBytes(count, isRandom: isRandom, seed: UInt64(count + 1))
      for maker in Self.engines {
        for piece in [7, 4096, 1 << 20] {
          if piece == 7 && count > 70_000 { continue }
          let made = try Self.deflate(
            try Self.codec(engine: maker), bytes, piece: piece, seed: 11)
          for reader in Self.engines {
            let read = Self.inflate(
              try Self.codec(engine: reader), made, piece: piece, seed: 5)
            #expect(read.bytes == bytes, "\(maker) to \(reader), pieces of \(piece)")
            #expect(read.isComplete && read.members == 1 && read.status == .needsInput)
          }
        }
      }
    }
  }

  @Test("every level makes a member, within its bound", arguments: 0...9)
  func levels(level: Int) throws {
    for isRandom in [false, true] {
      for count in [0, 1, 40_000, 1 << 20] {
        let bytes = sampleBytes(count, isRandom: isRandom, seed: 3)
        let codec = try Self.codec(level: level)
        let bound = codec.bound(count)
        let made = try Self.deflate(codec, bytes, piece: 1 << 16, seed: 2)
        #expect(made.count <= bound, "level \(level), \(count) bytes")
        let whole = try Self.deflate(codec, bytes, piece: 2 << 20, seed: 2)
        #expect(whole.count <= bound)
        #expect(Self.inflate(codec, made, piece: 9999, seed: 1).bytes == bytes)
      }
    }
  }

  @Test("members behind each other read as one, and what pads the file is left out")
  func members() throws {
    for engine in Self.engines {
      for piece in [1, 13, 5000] {
        let codec = try Self.codec(engine: engine)
        let first = sampleBytes(3000, isRandom: false, seed: 1)
        let second = sampleBytes(10, isRandom: true, seed: 2)
        let file =
          try Self.deflate(codec, first, piece: 4096, seed: 1)
          + Self.deflate(codec, [], piece: 4096, seed: 1)
          + Self.deflate(codec, second, piece: 4096, seed: 1)
        let plain = Self.inflate(codec, file, piece: piece, seed: 3)
        #expect(plain.bytes == first + second, "\(engine), pieces of \(piece)")
        #expect(plain.members == 3 && plain.isComplete)
        let padded = Self.inflate(codec, file + [0, 0, 0], piece: piece, seed: 3)
        #expect(padded.bytes == first + second && padded.status == .end)
        let rubbish = Self.inflate(codec, file + Array("rubbish".utf8), piece: piece, seed: 3)
        #expect(rubbish.bytes == first + second && rubbish.status == .end)
      }
    }
  }

  @Test("a member that is cut off is not complete, and a damaged one fails")
  func damage() throws {
    let bytes = sampleBytes(50_000, isRandom: false, seed: 9)
    for engine in Self.engines {
      let codec = try Self.codec(engine: engine)
      let made = try Self.deflate(codec, bytes, piece: 4096, seed: 1)
      for cut in [1, 9, 10, made.count / 2, made.count - 1] {
        let read = Self.inflate(codec, Array(made[..<cut]), piece: 4096, seed: 1)
        #expect(!read.isComplete, "\(engine), \(cut) of \(made.count) bytes")
        #expect(bytes.starts(with: read.bytes))
        #expect(read.status == .needsInput)
      }
      var failures = 0
      for seed in 1...200 {
        var random = SeededGenerator(seed: UInt64(seed))
        var hurt = made
        hurt[Int(random.next() % UInt64(hurt.count))] ^= UInt8(1 << (random.next() % 8))
        let read = Self.inflate(codec, hurt, piece: 4096, seed: 1)
        if case .failed = read.status {
          failures += 1
        } else if read.bytes != bytes {
          // A member whose trailer was hit may end too late; it is never taken as complete.
          #expect(!read.isComplete, "\(engine), seed \(seed)")
        }
      }
      #expect(failures > 150, "\(engine)")
      #expect(Self.inflate(codec, Array("plain text".utf8), piece: 64, seed: 1).status != .end)
    }
  }

  @Test("a bomb stops at the cap of the reader, and at the cap of the codec")
  func bomb() throws {
    let zeros = [UInt8](repeating: 0, count: 4 << 20)
    for engine in Self.engines {
      let bomb = try Self.deflate(try Self.codec(engine: engine), zeros, piece: 1 << 16, seed: 1)
      #expect(bomb.count < 40_000)
      let capped = Self.inflate(
        try Self.codec(engine: engine), bomb, piece: 4096, seed: 1, cap: 100_000)
      #expect(capped.status == .limit && capped.bytes.count == 100_000)
      let refused = Self.inflate(
        try Self.codec(engine: engine, cap: 100_000), bomb, piece: 4096, seed: 1)
      guard case .failed(let why) = refused.status else {
        Issue.record("\(engine) passed its cap")
        continue
      }
      #expect(why.contains("inflate_bytes_max"))
    }
  }

  @Test("gunzip reads what the plugin makes, and the plugin reads what gzip makes")
  func others() throws {
    let folder = TemporaryFolder()
    let text = String(decoding: sampleBytes(200_000, isRandom: false, seed: 4), as: UTF8.self)
    let file = folder.write("text", text)
    try #require(shell("gzip -k -9 '\(file)'") != nil)
    let packed = try #require(bytes(of: file + ".gz"))
    for engine in Self.engines {
      let codec = try Self.codec(engine: engine)
      #expect(Self.inflate(codec, packed, piece: 777, seed: 1).bytes == Array(text.utf8))
      let made = try Self.deflate(codec, Array(text.utf8), piece: 4096, seed: 1)
      let out = try #require(fopen("\(folder.path)/made.gz", "w"))
      fwrite(made, 1, made.count, out)
      fclose(out)
      #expect(shell("gunzip -c '\(folder.path)/made.gz' | cmp - '\(file)'") != nil)
    }
  }

  @Test("options that make no sense are refused with what is accepted")
  func options() throws {
    let host = PluginHost(loader: PluginLoader(folder: nil))
    try host.load(named: Build.plugin("WeirGzip"))
    let factory = try host.codec("gzip")
    for (options, words) in [
      ([("level", "10")], "from 0 to 9"), ([("engine", "fast")], "auto, zlib, isal"),
      ([("speed", "1")], "no option speed"), ([("level", "0"), ("engine", "isal")], "level"),
    ] {
      do throws(CodecError) {
        _ = try factory.open(options: options.map { (key: $0.0, value: $0.1) })
        Issue.record("\(options) passed")
      } catch {
        #expect(error.description.contains(words) || error.description.contains("not installed"))
      }
    }
  }

  private func bytes(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var all: [UInt8] = []
    while case let byte = fgetc(file), byte != EOF { all.append(UInt8(truncatingIfNeeded: byte)) }
    return all
  }
}
