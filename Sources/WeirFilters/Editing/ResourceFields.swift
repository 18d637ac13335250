import CWeirPlugin
import Glibc
import WeirBatch

/// Turns the resource that a record shares with its stream into a field of its own, so that rules
/// can rename, move, copy or remove it. One per lane.
///
/// The bytes go to scratch once per batch and resource; all its records' fields point there.
final class ResourceFields {
  private static let absent = UInt32.max
  private var offsets: UnsafeMutablePointer<UInt32>
  private var capacity = 0
  private var used = 0

  init() { offsets = .allocate(capacity: 1) }

  deinit { offsets.deallocate() }

  /// Forgets the batch before.
  func begin(_ batch: Batch) {
    used = Int(batch.raw.pointee.resource_count)
    if used > capacity {
      offsets.deallocate()
      capacity = Int(batch.raw.pointee.resource_capacity)
      offsets = .allocate(capacity: capacity)
    }
    for index in 0..<used { offsets[index] = ResourceFields.absent }
  }

  /// Gives the record a field instead of its resource, as its last one.
  /// - Returns: false when the batch is full; the record is unchanged then.
  func spread(_ batch: Batch, _ record: UnsafeMutablePointer<weir_record>) -> Bool {
    let index = Int(record.pointee.resource)
    guard record.pointee.resource != UInt32(WEIR_NO_RESOURCE), index < used else { return true }
    let resource = batch.raw.pointee.resources[index]
    if offsets[index] == ResourceFields.absent {
      guard let offset = batch.copyToScratch(resource.data, Int(resource.length)) else {
        return false
      }
      offsets[index] = offset
    }
    let field = weir_field.slice(
      resource.key, UInt32(WEIR_JSON), segment: UInt32(WEIR_SEGMENT_SCRATCH),
      offset: offsets[index], length: resource.length)
    if batch.field(resource.key, of: record) != nil {
      record.pointee.flags |= UInt16(WEIR_RECORD_DUPLICATES)
    }
    guard batch.append(field, to: record) else { return false }
    record.pointee.resource = UInt32(WEIR_NO_RESOURCE)
    return true
  }

  /// Spreads the record's resource if it lies under a key for which `test` holds.
  /// - Returns: false when the batch is full; the record is unchanged then.
  @inline(__always)
  func spread(
    _ batch: Batch, _ record: UnsafeMutablePointer<weir_record>, where test: (KeyID) -> Bool
  ) -> Bool {
    let index = record.pointee.resource
    if index == UInt32(WEIR_NO_RESOURCE) { return true }
    return !test(batch.raw.pointee.resources[Int(index)].key) || spread(batch, record)
  }

  /// Whether any resource of the batch lies under a key for which `test` holds.
  func any(_ batch: Batch, _ test: (KeyID) -> Bool) -> Bool {
    for index in 0..<used where test(batch.raw.pointee.resources[index].key) { return true }
    return false
  }
}
