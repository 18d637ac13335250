import CWeirPlugin
import WeirConfig
import WeirStage

/// Makes codecs of one component of a plugin.
final class PluginCodecFactory: CodecFactory {
  let name: String
  private let plugin: LoadedPlugin
  private let component: PluginComponent

  init(_ plugin: LoadedPlugin, _ component: PluginComponent) {
    name = component.typeName
    self.plugin = plugin
    self.component = component
  }

  func open(options: [(key: String, value: String)]) throws(CodecError) -> any Codec {
    let properties = options.map { Property(key: $0.key, node: ConfigNode(text: $0.value)) }
    for property in properties
    where !component.schema.options.contains(where: { $0.name == property.key }) {
      let known = component.schema.options.map(\.name).joined(separator: ", ")
      throw .refused("the codec \(name) has no option \(property.key); it has \(known)")
    }
    do {
      let tree = try component.schema.finish(properties)
      // No codec asks for another one: frames inside frames are refused everywhere.
      let none: CodecSource = { name throws(CodecError) in
        throw .refused("a codec may not use the codec \(name)")
      }
      let instance = try PluginInstance(
        component, isSingleLane: plugin.descriptor.isSingleLane, name: name, options: tree,
        codecs: none)
      return try PluginCodec(instance)
    } catch let error as PluginHostError {
      throw .refused(error.description)
    } catch let error as ConfigProblem {
      throw .refused("the codec \(name): \(error.key ?? ""): \(error.message)")
    } catch {
      throw .refused("the codec \(name): \(error)")
    }
  }
}

/// A codec of a plugin: an instance with one lane.
final class PluginCodec: Codec {
  private let instance: PluginInstance
  private let lane: PluginInstance.Lane
  private let table: weir_codec
  private let capabilities: UInt32
  private var isOpen = false

  init(_ instance: PluginInstance) throws(PluginHostError) {
    guard case .codec(let table) = instance.component.table else {
      throw .refused(component: instance.context.name, what: "it is no codec")
    }
    self.instance = instance
    self.table = table
    capabilities = instance.component.capabilities
    lane = try instance.openLane(0)
  }

  func bound(_ bytes: Int) -> Int {
    Int(clamping: table.bound(instance.raw, UInt64(max(0, bytes))))
  }

  func begin(_ direction: CodecDirection) throws(CodecError) {
    let needed = direction == .deflate ? UInt32(WEIR_CAN_DEFLATE) : UInt32(WEIR_CAN_INFLATE)
    guard capabilities & needed != 0 else {
      throw .refused("the codec \(instance.context.name) cannot \(direction)")
    }
    var error = ErrorStruct.make()
    let wanted = direction == .deflate ? UInt32(WEIR_DEFLATE) : UInt32(WEIR_INFLATE)
    let result = table.begin(instance.raw, lane.state, wanted, &error)
    isOpen = result == WEIR_OK
    guard isOpen else {
      throw .refused("\(instance.context.name): \(ErrorStruct.message(error, result))")
    }
  }

  func write(
    _ input: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) -> CodecProgress {
    guard isOpen else { return CodecProgress(.failed("write without begin")) }
    var consumed: UInt64 = 0
    var produced: UInt64 = 0
    var error = ErrorStruct.make()
    let result = table.write(
      instance.raw, lane.state, input.baseAddress?.assumingMemoryBound(to: UInt8.self),
      UInt64(input.count), &consumed, room.baseAddress?.assumingMemoryBound(to: UInt8.self),
      UInt64(room.count), &produced, &error)
    guard consumed <= UInt64(input.count), produced <= UInt64(room.count) else {
      isOpen = false
      instance.context.breach("write counts more than it was given")
      return CodecProgress(.failed("the codec counts more bytes than it was given"))
    }
    return progress(result, Int(consumed), Int(produced), error)
  }

  func finish(into room: UnsafeMutableRawBufferPointer) -> CodecProgress {
    guard isOpen else { return CodecProgress(.failed("finish without begin")) }
    var produced: UInt64 = 0
    var error = ErrorStruct.make()
    let result = table.finish(
      instance.raw, lane.state, room.baseAddress?.assumingMemoryBound(to: UInt8.self),
      UInt64(room.count), &produced, &error)
    guard produced <= UInt64(room.count) else {
      isOpen = false
      instance.context.breach("finish counts more than it was given")
      return CodecProgress(.failed("the codec counts more bytes than it was given"))
    }
    if result == WEIR_OK { isOpen = false }
    return progress(result, 0, Int(produced), error)
  }

  private func progress(
    _ result: Int32, _ consumed: Int, _ produced: Int, _ error: weir_error
  ) -> CodecProgress {
    let status: CodecStatus
    switch result {
    case WEIR_OK: status = .done
    case WEIR_NO_SPACE: status = .noSpace
    case WEIR_END: status = .memberEnd
    default:
      isOpen = false
      status = .failed(ErrorStruct.message(error, result))
    }
    return CodecProgress(status, consumed: consumed, produced: produced)
  }
}
