import CWeirPlugin
import WeirSDK

/// One member of one direction on one engine.
protocol GzipEngine: AnyObject {
  /// Begins a member, whatever came before.
  func begin() throws(PluginError)
  /// One step; `isLast` ends a member that is made.
  func step(
    _ input: UnsafeRawBufferPointer, _ consumed: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64, isLast: Bool
  ) throws(PluginError) -> Step
}

/// How a step of an engine ended.
enum Step { case more, end }

/// Bytes that an engine takes or makes per call: both count in 32 bits.
let stepBytesMax = 1 << 30

/// The state of the codec on one lane; engines are made when their direction is first used.
final class GzipLane: CodecLane {
  private let codec: GzipCodec
  private var deflater: (any GzipEngine)?
  private var inflater: (any GzipEngine)?
  private var engine: (any GzipEngine)?
  private var isInflating = false
  private var hasEnded = false
  private var inflatedBytes: UInt64 = 0

  init(_ codec: GzipCodec) {
    self.codec = codec
    super.init()
  }

  override func begin(_ direction: UInt32) throws(PluginError) {
    switch direction {
    case UInt32(WEIR_DEFLATE): engine = try madeDeflater()
    case UInt32(WEIR_INFLATE): engine = try madeInflater()
    default: throw PluginError(WEIR_E_ARGUMENT, "no direction \(direction)")
    }
    isInflating = direction == UInt32(WEIR_INFLATE)
    hasEnded = false
    inflatedBytes = 0
    try engine?.begin()
  }

  private func madeDeflater() throws(PluginError) -> any GzipEngine {
    if let deflater { return deflater }
    let made: any GzipEngine =
      codec.deflatesWithISAL
      ? try ISALDeflater(level: codec.level) : try ZlibDeflater(level: codec.level)
    deflater = made
    return made
  }

  private func madeInflater() throws(PluginError) -> any GzipEngine {
    if let inflater { return inflater }
    let made: any GzipEngine = codec.inflatesWithISAL ? try ISALInflater() : try ZlibInflater()
    inflater = made
    return made
  }

  override func write(
    _ input: UnsafeRawBufferPointer, _ consumed: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64
  ) throws(PluginError) -> Int32 {
    guard let engine else { throw PluginError(WEIR_E_STATE, "write before begin") }
    if hasEnded { throw PluginError(WEIR_E_STATE, "write behind the end of a member") }
    while true {
      let from = UnsafeRawBufferPointer(rebasing: input[Int(consumed)...].prefix(stepBytesMax))
      let to = UnsafeMutableRawBufferPointer(
        rebasing: room[Int(produced)...].prefix(stepBytesMax))
      var taken: UInt64 = 0
      var made: UInt64 = 0
      let step = try engine.step(from, &taken, into: to, &made, isLast: false)
      consumed += taken
      produced += made
      if isInflating { try countInflated(made) }
      if step == .end {
        hasEnded = true
        return WEIR_END
      }
      if produced == UInt64(room.count) { return WEIR_NO_SPACE }
      if consumed == UInt64(input.count) { return WEIR_OK }
      if taken == 0 && made == 0 {
        throw PluginError(WEIR_E_DATA, "the member goes no further")
      }
    }
  }

  private func countInflated(_ bytes: UInt64) throws(PluginError) {
    inflatedBytes += bytes
    if codec.inflateBytesMax > 0 && inflatedBytes > codec.inflateBytesMax {
      throw PluginError(
        WEIR_E_LIMIT, "a member inflates to more than inflate_bytes_max", path: "inflate_bytes_max")
    }
  }

  override func finish(into room: UnsafeMutableRawBufferPointer, _ produced: inout UInt64)
    throws(PluginError) -> Int32
  {
    guard let engine else { throw PluginError(WEIR_E_STATE, "finish before begin") }
    if isInflating {
      if hasEnded { return WEIR_OK }
      throw PluginError(WEIR_E_DATA, "the member is cut off")
    }
    while !hasEnded {
      let to = UnsafeMutableRawBufferPointer(
        rebasing: room[Int(produced)...].prefix(stepBytesMax))
      var taken: UInt64 = 0
      var made: UInt64 = 0
      let step = try engine.step(
        UnsafeRawBufferPointer(start: nil, count: 0), &taken, into: to, &made, isLast: true)
      produced += made
      if step == .end {
        hasEnded = true
      } else if produced == UInt64(room.count) {
        return WEIR_NO_SPACE
      } else if made == 0 {
        throw PluginError(WEIR_E_INTERNAL, "the engine ends no member")
      }
    }
    return WEIR_OK
  }
}
