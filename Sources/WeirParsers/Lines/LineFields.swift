import CWeirPlugin
import WeirBatch
import WeirStage

/// The fields that `path_key` and `offset_key` add to the records of one chunk.
struct LineFields {
  private let offsetKey: KeyID?
  private let pathField: weir_field?
  private let position: UInt64
  /// How many they are.
  let count: Int

  /// Copies the path into scratch once; without room for it the records go without.
  init(_ settings: LineSettings, _ chunk: Chunk, _ batch: Batch) {
    position = chunk.position
    offsetKey = settings.offsetKey
    pathField = settings.pathKey.flatMap { key in
      chunk.stream.path.withUnsafeBytes { batch.textField(key, copying: $0) }
    }
    count = (offsetKey == nil ? 0 : 1) + (pathField == nil ? 0 : 1)
  }

  /// Appends them to a record that has room; `begin` is the line's offset in the chunk.
  @inline(__always)
  func append(to record: UnsafeMutablePointer<weir_record>, _ batch: Batch, at position: UInt64) {
    if count == 0 { return }
    if let pathField { batch.append(pathField, to: record) }
    if let offsetKey {
      batch.append(.int(offsetKey, Int64(truncatingIfNeeded: position)), to: record)
    }
  }

  /// Position of an offset of the chunk in its generation.
  @inline(__always)
  func position(of offset: Int) -> UInt64 { position &+ UInt64(truncatingIfNeeded: offset) }
}
