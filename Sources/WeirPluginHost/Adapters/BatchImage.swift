import CWeirPlugin
import Glibc
import WeirBatch
import WeirStage

/// Selected records of a batch, copied into a payload so that an output may take its time over
/// them: the same layout, all in one block that owns its bytes.
///
/// The block is `weir_batch`, records, fields, segments, sources, tags, local keys, resources,
/// bytes, in this order. Pointers hold offsets until `open` turns them into addresses, which it
/// does once, when the payload has stopped moving.
enum BatchImage {
  /// How deep maps and arrays are copied; what is deeper becomes null, counted.
  static let depthMax: Int = 64

  /// Sizes of an image, found before it is written.
  private struct Sizes {
    var fields = 0
    var bytes = 0
    var cutFields = 0
  }

  /// Where the parts lie, in bytes from the image's start.
  private struct Layout {
    var records = 0
    var fields = 0
    var segments = 0
    var sources = 0
    var tags = 0
    var keys = 0
    var resources = 0
    var bytes = 0

    init(_ batch: weir_batch, records recordCount: Int, _ sizes: Sizes) {
      var end = (MemoryLayout<weir_batch>.stride + 15) & ~15
      func place<T>(_ type: T.Type, _ count: Int) -> Int {
        let at = end
        end += (MemoryLayout<T>.stride * count + 15) & ~15
        return at
      }
      records = place(weir_record.self, recordCount)
      fields = place(weir_field.self, sizes.fields)
      segments = place(weir_segment.self, 2)
      sources = place(weir_source.self, Int(batch.source_count))
      tags = place(weir_tag.self, Int(batch.tag_count))
      keys = place(weir_key.self, Int(batch.local_key_count))
      resources = place(weir_resource.self, Int(batch.resource_count))
      bytes = end
    }
  }

  /// Appends the image of the selected records to an empty payload.
  /// - Returns: fields that nest too deep and became null; -1 when the image would pass 2 GiB.
  static func write(_ batch: Batch, _ selection: Selection, into payload: Payload) -> Int {
    let source = batch.raw.pointee
    var sizes = Sizes()
    for index in selection {
      let record = source.records[Int(index)]
      measure(source, Int(record.first_field), Int(record.field_count), 0, &sizes)
    }
    sizes.bytes += tableBytes(source)
    let layout = Layout(source, records: selection.count, sizes)
    guard layout.bytes + sizes.bytes < Int(Int32.max) else { return -1 }
    let base = UnsafeMutableRawPointer(payload.reserve(layout.bytes + sizes.bytes + 64))
    var writer = ImageWriter(source, base, fields: layout.fields, bytes: layout.bytes)
    let records = (base + layout.records).bindMemory(
      to: weir_record.self, capacity: selection.count)
    // The records' own fields come first, in one run each; children follow behind them all.
    for (i, index) in selection.enumerated() {
      records[i] = source.records[Int(index)]
      records[i].first_field = writer.reserveFields(Int(records[i].field_count))
      records[i].field_capacity = records[i].field_count
    }
    for (i, index) in selection.enumerated() {
      writer.copyFields(
        from: Int(source.records[Int(index)].first_field), to: Int(records[i].first_field),
        count: Int(records[i].field_count), depth: 0)
    }
    copyTables(source, base, layout, &writer)
    writeHeader(source, base, layout, selection.count, writer)
    payload.length += layout.bytes + sizes.bytes + 64
    return sizes.cutFields
  }

  /// Turns an image's offsets into addresses and gives its batch.
  static func open(_ payload: Payload) -> UnsafeMutablePointer<weir_batch> {
    let base = UnsafeMutableRawPointer(payload.base)
    let raw = base.assumingMemoryBound(to: weir_batch.self)
    guard raw.pointee.checkpoint == 0 else { return raw }
    func resolve<T>(_ pointer: UnsafeMutablePointer<T>?) -> UnsafeMutablePointer<T>? {
      // SAFETY: until now the pointer holds an offset into this block, made by `write`.
      (base + Int(bitPattern: UnsafeRawPointer(pointer))).assumingMemoryBound(to: T.self)
    }
    func resolveBytes(_ pointer: UnsafePointer<UInt8>?) -> UnsafePointer<UInt8>? {
      UnsafePointer(resolve(UnsafeMutablePointer(mutating: pointer)))
    }
    raw.pointee.records = resolve(raw.pointee.records)
    raw.pointee.fields = resolve(raw.pointee.fields)
    raw.pointee.segments = resolve(raw.pointee.segments)
    raw.pointee.sources = resolve(raw.pointee.sources)
    raw.pointee.tags = resolve(raw.pointee.tags)
    raw.pointee.local_keys = resolve(raw.pointee.local_keys)
    raw.pointee.resources = resolve(raw.pointee.resources)
    for i in 0..<2 {
      raw.pointee.segments[i].base = resolve(raw.pointee.segments[i].base)
    }
    for i in 0..<Int(raw.pointee.tag_count) {
      raw.pointee.tags[i].data = resolveBytes(raw.pointee.tags[i].data)
    }
    for i in 0..<Int(raw.pointee.local_key_count) {
      raw.pointee.local_keys[i].data = resolveBytes(raw.pointee.local_keys[i].data)
    }
    for i in 0..<Int(raw.pointee.resource_count) {
      raw.pointee.resources[i].data = resolveBytes(raw.pointee.resources[i].data)
    }
    raw.pointee.checkpoint = 1
    return raw
  }

  private static func measure(
    _ batch: weir_batch, _ first: Int, _ count: Int, _ depth: Int, _ sizes: inout Sizes
  ) {
    sizes.fields += count
    for i in first..<first + count {
      let field = batch.fields[i]
      if field.isSlice {
        sizes.bytes += Int(field.value.slice.length)
      } else if UInt32(field.type) >= UInt32(WEIR_MAP) {
        if depth + 1 >= depthMax {
          sizes.cutFields += 1
        } else {
          measure(
            batch, Int(field.value.children.first), Int(field.value.children.count), depth + 1,
            &sizes)
        }
      }
    }
  }

  private static func tableBytes(_ batch: weir_batch) -> Int {
    var bytes = 0
    for i in 0..<Int(batch.tag_count) { bytes += Int(batch.tags[i].length) }
    for i in 0..<Int(batch.local_key_count) { bytes += Int(batch.local_keys[i].length) }
    for i in 0..<Int(batch.resource_count) { bytes += Int(batch.resources[i].length) }
    return bytes
  }

  private static func copyTables(
    _ source: weir_batch, _ base: UnsafeMutableRawPointer, _ layout: Layout,
    _ writer: inout ImageWriter
  ) {
    if source.source_count > 0 {
      (base + layout.sources).copyMemory(
        from: source.sources, byteCount: Int(source.source_count) * MemoryLayout<weir_source>.stride
      )
    }
    let tags = (base + layout.tags).bindMemory(
      to: weir_tag.self, capacity: Int(source.tag_count))
    for i in 0..<Int(source.tag_count) {
      tags[i] = source.tags[i]
      tags[i].data = writer.copyBytes(source.tags[i].data, Int(source.tags[i].length))
    }
    let keys = (base + layout.keys).bindMemory(
      to: weir_key.self, capacity: Int(source.local_key_count))
    for i in 0..<Int(source.local_key_count) {
      keys[i] = source.local_keys[i]
      keys[i].data = writer.copyBytes(source.local_keys[i].data, Int(source.local_keys[i].length))
    }
    let resources = (base + layout.resources).bindMemory(
      to: weir_resource.self, capacity: Int(source.resource_count))
    for i in 0..<Int(source.resource_count) {
      resources[i] = source.resources[i]
      resources[i].data = writer.copyBytes(
        source.resources[i].data, Int(source.resources[i].length))
    }
  }

  private static func writeHeader(
    _ source: weir_batch, _ base: UnsafeMutableRawPointer, _ layout: Layout, _ records: Int,
    _ writer: ImageWriter
  ) {
    let segments = (base + layout.segments).bindMemory(to: weir_segment.self, capacity: 2)
    let length = UInt64(writer.bytesEnd - layout.bytes)
    segments[0] = weir_segment(base: offset(layout.bytes), length: length, capacity: length)
    segments[1] = weir_segment(base: offset(writer.bytesEnd), length: 0, capacity: 0)
    var raw = source
    // The host's own index does not travel: an image takes no further keys.
    raw.host = nil
    raw.records = offset(layout.records)
    raw.fields = offset(layout.fields)
    raw.segments = offset(layout.segments)
    raw.sources = offset(layout.sources)
    raw.tags = offset(layout.tags)
    raw.local_keys = offset(layout.keys)
    raw.resources = offset(layout.resources)
    raw.record_stride = UInt32(MemoryLayout<weir_record>.stride)
    raw.record_count = UInt32(records)
    raw.record_capacity = raw.record_count
    raw.field_count = UInt32(writer.fieldCount)
    raw.field_capacity = raw.field_count
    raw.segment_count = 2
    raw.segment_capacity = 2
    raw.key_count = KeyTable.shared.count
    raw.checkpoint = 0
    raw.host = nil
    base.bindMemory(to: weir_batch.self, capacity: 1).initialize(to: raw)
  }

  /// An offset in the clothes of a pointer, until `open`.
  private static func offset<T>(_ bytes: Int) -> UnsafeMutablePointer<T>? {
    UnsafeMutablePointer(bitPattern: bytes)
  }
}

/// Fills the fields and bytes of an image.
private struct ImageWriter {
  let source: weir_batch
  let base: UnsafeMutableRawPointer
  let fields: UnsafeMutablePointer<weir_field>
  let bytesStart: Int
  var bytesEnd: Int
  var fieldCount = 0

  init(_ source: weir_batch, _ base: UnsafeMutableRawPointer, fields: Int, bytes: Int) {
    self.source = source
    self.base = base
    self.fields = (base + fields).assumingMemoryBound(to: weir_field.self)
    bytesStart = bytes
    bytesEnd = bytes
  }

  mutating func reserveFields(_ count: Int) -> UInt32 {
    defer { fieldCount += count }
    return UInt32(fieldCount)
  }

  /// Copies bytes and returns their place as an offset into the image.
  mutating func copyBytes(_ data: UnsafePointer<UInt8>?, _ count: Int) -> UnsafePointer<UInt8>? {
    let at = bytesEnd
    if count > 0, let data { memcpy(base + at, data, count) }
    bytesEnd += count
    return UnsafePointer(bitPattern: at)
  }

  mutating func copyFields(from first: Int, to place: Int, count: Int, depth: Int) {
    for i in 0..<count {
      var field = source.fields[first + i]
      if field.isSlice {
        let slice = field.value.slice
        let at = bytesEnd
        let data = source.segments[Int(field.segment)].base.map { $0 + Int(slice.offset) }
        _ = copyBytes(data, Int(slice.length))
        field.segment = UInt16(WEIR_SEGMENT_RAW)
        field.value.slice.offset = UInt32(at - bytesStart)
      } else if UInt32(field.type) >= UInt32(WEIR_MAP) {
        if depth + 1 >= BatchImage.depthMax {
          field = weir_field.null(field.key)
        } else {
          let children = field.value.children
          let start = reserveFields(Int(children.count))
          copyFields(
            from: Int(children.first), to: Int(start), count: Int(children.count),
            depth: depth + 1)
          field.value.children.first = start
        }
      }
      fields[place + i] = field
    }
  }
}
