import CWeirPlugin
import WeirStage

/// Codecs under the contract.
extension ContractCheck {
  mutating func checkCodec(_ component: PluginComponent) throws {
    let name = label(component)
    let canDeflate = component.capabilities & UInt32(WEIR_CAN_DEFLATE) != 0
    let canInflate = component.capabilities & UInt32(WEIR_CAN_INFLATE) != 0
    guard canDeflate else {
      report.note(name, "it only inflates: there is nothing to check it with")
      return
    }
    let instance = try make(component)
    let codec = try PluginCodec(instance)
    for count in [0, 1, 1000, 100_000] {
      let data = Self.sample(count)
      guard let member = deflate(codec, data, name) else { continue }
      report.expect(
        member.count <= codec.bound(count), name,
        "\(count) bytes make \(member.count), more than bound says (\(codec.bound(count)))")
      guard canInflate else { continue }
      for piece in [member.count + 1, 64, 3] {
        report.expect(
          inflate(codec, member, piece: piece, data.count) == data, name,
          "\(count) bytes do not come back the same in pieces of \(piece)")
      }
      try checkDamage(codec, member, data, name)
      // A member that is begun and given up leaves no trace.
      try codec.begin(.deflate)
      _ = step(codec, Self.sample(77), room: 4096)
      report.expect(
        deflate(codec, data, name) == member, name, "begin does not forget what came before")
    }
    take(instance)
  }

  private static func sample(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 / 7 ^ ($0 >> 3)) }
  }

  private func step(
    _ codec: PluginCodec, _ bytes: [UInt8], room count: Int
  ) -> (progress: CodecProgress, made: [UInt8]) {
    var room = [UInt8](repeating: 0, count: count)
    let progress = room.withUnsafeMutableBytes { room in
      bytes.withUnsafeBytes { codec.write($0, into: room) }
    }
    return (progress, Array(room[..<progress.produced]))
  }

  private mutating func deflate(_ codec: PluginCodec, _ data: [UInt8], _ name: String) -> [UInt8]? {
    do {
      try codec.begin(.deflate)
    } catch {
      report.error(name, "begin fails: \(error)")
      return nil
    }
    var out: [UInt8] = []
    var at = 0
    while at < data.count {
      let (progress, made) = step(
        codec, Array(data[at..<min(at + 999, data.count)]), room: 512)
      out += made
      at += progress.consumed
      if case .failed(let why) = progress.status {
        report.error(name, "write fails: \(why)")
        return nil
      }
      if progress.consumed == 0 && progress.produced == 0 {
        report.error(name, "write stands still with input and room left")
        return nil
      }
    }
    for _ in 0..<1_000_000 {
      var room = [UInt8](repeating: 0, count: 64)
      let progress = room.withUnsafeMutableBytes { codec.finish(into: $0) }
      out += room[..<progress.produced]
      switch progress.status {
      case .done: return out
      case .noSpace: continue
      case .memberEnd, .failed:
        report.error(name, "finish does not end the member: \(progress.status)")
        return nil
      }
    }
    report.error(name, "finish asks for room without end")
    return nil
  }

  private func inflate(
    _ codec: PluginCodec, _ member: [UInt8], piece: Int, _ size: Int
  ) -> [UInt8]? {
    let inflater = MemberInflater(codec, bytesMax: size + 1)
    var out: [UInt8] = []
    var at = 0
    var room = [UInt8](repeating: 0, count: 257)
    for _ in 0..<member.count + size + 1000 {
      var consumed = 0
      var produced = 0
      let status = room.withUnsafeMutableBytes { room in
        member[at..<min(at + piece, member.count)].withUnsafeBytes {
          inflater.read($0, into: room, consumed: &consumed, produced: &produced)
        }
      }
      at += consumed
      out += room[..<produced]
      switch status {
      case .needsInput where at == member.count: return inflater.isComplete ? out : nil
      case .needsInput, .noSpace: continue
      case .end, .limit, .failed: return nil
      }
    }
    return nil
  }

  private mutating func checkDamage(
    _ codec: PluginCodec, _ member: [UInt8], _ data: [UInt8], _ name: String
  ) throws {
    for i in stride(from: 0, to: member.count, by: max(1, member.count / 40)) {
      var hurt = member
      hurt[i] ^= 0x41
      // It may fail, or read as something else; it may not crash, nor count wrongly.
      _ = inflate(codec, hurt, piece: 50, data.count * 2 + 100)
    }
    report.expect(
      inflate(codec, Array(member.dropLast()), piece: 64, data.count) == nil, name,
      "a member that is cut off reads as complete")
  }
}
