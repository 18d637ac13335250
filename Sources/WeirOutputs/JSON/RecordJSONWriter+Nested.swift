import CWeirKernels
import CWeirPlugin
import Glibc
import WeirBatch

// What few records need: scalars, the date, nested fields, metadata, resources, duplicates.
extension RecordJSONWriter {
  /// Numbers, words and times.
  @inline(never)
  func writeScalar(
    _ field: weir_field, _ type: UInt32, to out: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    switch type {
    case WEIR_BOOL:
      return field.value.i64 == 0 ? put("false", to: out) : put("true", to: out)
    case WEIR_INT64:
      return out + weir_put_i64(out, field.value.i64)
    case WEIR_UINT64:
      return out + weir_put_u64(out, field.value.u64)
    case WEIR_DOUBLE:
      return out + weir_put_double_json(out, field.value.f64, nanPolicy)
    case WEIR_TIME:
      out[0] = UInt8(ascii: "\"")
      let n = weir_put_time_iso(out + 1, field.value.i64, 9, nil)
      out[n + 1] = UInt8(ascii: "\"")
      return out + (n + 2)
    default:
      return put("null", to: out)
    }
  }

  /// `"date":…,` in the style's form.
  @inline(never)
  func writeDate(
    _ record: UnsafePointer<weir_record>, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let form = forms[Int(dateKey)]
    var out = start
    memcpy(out, form.data, Int(form.length))
    out += Int(form.length)
    let time = record.pointee.time_ns
    switch style.dateFormat {
    case .double: out += weir_put_epoch_double(out, time)
    case .epoch: out += weir_put_i64(out, floorDivide(time, 1_000_000_000))
    case .epochMilliseconds: out += weir_put_i64(out, floorDivide(time, 1_000_000))
    case .iso8601(let digits):
      out[0] = UInt8(ascii: "\"")
      out += 1
      out += weir_put_time_iso(out, time, digits, &state.pointee.second)
      out[0] = UInt8(ascii: "\"")
      out += 1
    case .javaSQLTimestamp:
      out[0] = UInt8(ascii: "\"")
      out += 1
      out += weir_put_time_sql(out, time, 6, &state.pointee.second)
      out[0] = UInt8(ascii: "\"")
      out += 1
    }
    out[0] = UInt8(ascii: ",")
    return out + 1
  }

  /// The members of a map or the elements of an array, in their brackets.
  func writeChildren(
    _ field: weir_field, _ batch: Batch, to start: UnsafeMutablePointer<UInt8>, depth: Int,
    unique: Bool
  ) -> UnsafeMutablePointer<UInt8> {
    if depth >= RecordJSONWriter.depthMax { return put("null", to: start) }
    let isArray = UInt32(field.type) == WEIR_ARRAY
    let begin = Int(field.value.children.first)
    let count = Int(field.value.children.count)
    let fields = batch.fields + begin
    if unique, !isArray { duplicates.mark(batch, first: begin, count: count) }
    var out = start
    out[0] = isArray ? UInt8(ascii: "[") : UInt8(ascii: "{")
    out += 1
    for i in 0..<count {
      let child = fields[i]
      if unique, !isArray, duplicates.take(begin + i) { continue }
      if !isArray { out = writeKey(child.key, batch, to: out) }
      out = writeValue(child, batch, to: out, depth: depth + 1, unique: unique)
    }
    if out - start > 1 { out -= 1 }
    out[0] = isArray ? UInt8(ascii: "]") : UInt8(ascii: "}")
    return out + 1
  }

  /// The members of a record whose keys may repeat: of equal ones the last.
  @inline(never)
  func writeUniqueMembers(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, _ resourceKey: KeyID,
    to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let begin = Int(record.pointee.first_field)
    let count = Int(record.pointee.field_count)
    let fields = batch.fields + begin
    duplicates.mark(batch, first: begin, count: count)
    var out = start
    for i in 0..<count {
      let field = fields[i]
      if duplicates.take(begin + i) { continue }
      if field.key == resourceKey || UInt32(field.type) == WEIR_METADATA { continue }
      out = writeKey(field.key, batch, to: out)
      out = writeValue(field, batch, to: out, depth: 0, unique: true)
    }
    return out
  }

  /// `"__internal__":{"log_metadata":{…}},` of the last metadata field.
  @inline(never)
  func writeMetadata(
    _ record: UnsafePointer<weir_record>, _ batch: Batch, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let fields = batch.fields(of: record)
    guard
      var field = fields.last(where: {
        UInt32($0.type) == WEIR_METADATA && $0.value.children.count > 0
      })
    else { return start }
    field.type = UInt8(WEIR_MAP)
    var out = put("\"__internal__\":{\"log_metadata\":", to: start)
    out = writeChildren(field, batch, to: out, depth: 0, unique: false)
    out[0] = UInt8(ascii: "}")
    out[1] = UInt8(ascii: ",")
    return out + 2
  }

  /// `"key":{…},` of a resource.
  func writeResource(
    _ index: Int, _ batch: Batch, to start: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    let resource = batch.raw.pointee.resources[index]
    var out = writeKey(resource.key, batch, to: start)
    let length = Int(resource.length)
    if takesAnyJSON || isASCII(resource, batch.raw.pointee.sequence) {
      memcpy(out, resource.data, length)
      out += length
    } else {
      out += weir_json_reescape(out, resource.data, length, mode)
    }
    out[0] = UInt8(ascii: ",")
    return out + 1
  }

  /// Looks at a resource once per batch and stream, not once per record.
  @inline(__always)
  private func isASCII(_ resource: weir_resource, _ sequence: UInt64) -> Bool {
    if state.pointee.resourceData == resource.data,
      state.pointee.resourceSequence == sequence,
      state.pointee.resourceLength == resource.length
    {
      return state.pointee.resourceIsASCII
    }
    let isASCII = weir_is_ascii(resource.data, Int(resource.length)) != 0
    state.pointee.resourceData = resource.data
    state.pointee.resourceSequence = sequence
    state.pointee.resourceLength = resource.length
    state.pointee.resourceIsASCII = isASCII
    return isASCII
  }
}

/// Copies a literal; returns the end.
@inline(__always)
func put(_ text: StaticString, to out: UnsafeMutablePointer<UInt8>) -> UnsafeMutablePointer<UInt8> {
  memcpy(out, text.utf8Start, text.utf8CodeUnitCount)
  return out + text.utf8CodeUnitCount
}

/// Division that rounds down, also before 1970.
@inline(__always)
func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
  let quotient = value / divisor
  return value % divisor < 0 ? quotient - 1 : quotient
}
