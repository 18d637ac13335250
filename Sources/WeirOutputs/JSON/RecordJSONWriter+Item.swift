import CWeirKernels
public import CWeirPlugin
import Glibc
public import WeirBatch

/// Records inside something else: text before and behind, and members that go first.
///
/// The writing of an item is that of a record with two copies more; what `lead` members cost is a
/// comparison per field, made while the record is measured.
extension RecordJSONWriter {
  /// What an item needs, and which of its leads the record hides with a field of its own.
  public struct ItemMeasure {
    /// Upper bound of the item's bytes; 64 more are touched.
    public var bytes: Int
    var hidden: UInt32
  }

  /// Measures an item. The item has at most `WEIR_LEADS_MAX` leads.
  @inline(__always)
  public func measureItem(
    _ item: UnsafePointer<weir_json_item>, _ record: UnsafePointer<weir_record>, of batch: Batch
  ) -> ItemMeasure {
    var keys = (WEIR_NO_KEY, WEIR_NO_KEY, WEIR_NO_KEY, WEIR_NO_KEY)
    var leadBytes = 0
    if item.pointee.lead_count > 0 { leadBytes = leadKeys(item, &keys) }
    let count = Int(record.pointee.field_count)
    let fields = batch.fields + Int(record.pointee.first_field)
    var bytes = 64 &+ Int(item.pointee.head.length) &+ Int(item.pointee.tail.length) &+ leadBytes
    var hidden: UInt32 = 0
    let isShort = item.pointee.lead_count <= 2
    var i = 0
    while i < count {
      let key = fields[i].key
      if key == keys.0 { hidden |= 1 }
      if key == keys.1 { hidden |= 2 }
      if !isShort {
        if key == keys.2 { hidden |= 4 }
        if key == keys.3 { hidden |= 8 }
      }
      bytes &+= keyBound(key, batch) &+ valueBound(fields[i], UInt32(fields[i].type), batch, 0)
      i &+= 1
    }
    let resource = record.pointee.resource
    if resource != WEIR_NO_RESOURCE {
      let entry = batch.raw.pointee.resources[Int(resource)]
      if entry.key == keys.0 { hidden |= 1 }
      if entry.key == keys.1 { hidden |= 2 }
      if entry.key == keys.2 { hidden |= 4 }
      if entry.key == keys.3 { hidden |= 8 }
      bytes &+= keyBound(entry.key, batch) &+ Int(entry.length) &* (takesAnyJSON ? 1 : 6) &+ 32
    }
    return ItemMeasure(bytes: bytes, hidden: hidden)
  }

  /// The keys of an item's leads; what is not there has none.
  /// - Returns: bytes of all leads.
  @inline(__always)
  private func leadKeys(
    _ item: UnsafePointer<weir_json_item>, _ keys: inout (KeyID, KeyID, KeyID, KeyID)
  ) -> Int {
    guard let leads = item.pointee.leads else { return 0 }
    let count = item.pointee.lead_count
    keys.0 = leads[0].key
    var bytes = Int(leads[0].length)
    if count > 1 {
      keys.1 = leads[1].key
      bytes &+= Int(leads[1].length)
    }
    if count > 2 {
      keys.2 = leads[2].key
      bytes &+= Int(leads[2].length)
    }
    if count > 3 {
      keys.3 = leads[3].key
      bytes &+= Int(leads[3].length)
    }
    return bytes
  }

  /// Writes an item where its measure and 64 bytes more are free; returns the end.
  @inline(__always)
  public func writeItem(
    _ item: UnsafePointer<weir_json_item>, _ record: UnsafePointer<weir_record>, of batch: Batch,
    _ measure: ItemMeasure, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    var out = copy(item.pointee.head, to: start)
    let open = out
    out[0] = UInt8(ascii: "{")
    out += 1
    var lead = 0
    while lead < Int(item.pointee.lead_count), let leads = item.pointee.leads {
      if measure.hidden & (1 << UInt32(lead)) == 0, let data = leads[lead].data {
        memcpy(out, data, Int(leads[lead].length))
        out += Int(leads[lead].length)
      }
      lead &+= 1
    }
    let members = out
    out = writeContents(record, batch, to: out)
    if let dots { out = dots.run(open + 1, from: members, to: out) }
    if out - open > 1 { out -= 1 }
    out[0] = UInt8(ascii: "}")
    return copy(item.pointee.tail, to: out + 1)
  }

  @inline(__always)
  private func copy(
    _ text: weir_string, to out: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    guard let data = text.data else { return out }
    let length = Int(text.length)
    if length == 1 {
      out[0] = data[0]
    } else {
      memcpy(out, data, length)
    }
    return out + length
  }
}

extension RecordJSONWriter {
  /// Adds text as the body of a JSON string in this writer's style. 64 bytes behind the text are
  /// readable.
  public func escape(_ text: UnsafeBufferPointer<UInt8>, into buffer: TextBuffer) {
    guard let base = text.baseAddress, let room = buffer.reserve(text.count * 6 + 80) else {
      return
    }
    buffer.commit(weir_json_escape(room, base, text.count, mode))
  }
}
