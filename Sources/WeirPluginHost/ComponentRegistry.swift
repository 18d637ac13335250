public import WeirConfig

/// Where a component comes from.
public enum ComponentOrigin: Sendable, Equatable, CustomStringConvertible {
  case builtin
  /// A plugin file.
  case file(String)

  /// For lists: `built in`, or the path.
  public var description: String {
    switch self {
    case .builtin: "built in"
    case .file(let path): path
    }
  }
}

/// One component that the host knows: a built-in one, or one of a plugin.
public struct RegisteredComponent: Sendable {
  /// What it is.
  public let kind: ComponentKind
  /// What a configuration calls it.
  public let typeName: String
  /// One line.
  public let help: String
  /// The option table; nil for codecs and formats of the host.
  public let table: PluginSchema?
  /// Where it comes from.
  public let origin: ComponentOrigin
  let plugin: LoadedPlugin?
  let component: PluginComponent?
}

/// All components by kind and type name. A value: changes make a new one.
///
/// What is built in and what plugins bring is registered the same way and found the same way; the
/// first of a name stays, so that a plugin cannot take the place of a built-in stage.
public struct ComponentRegistry: Sendable {
  private struct Name: Hashable {
    let kind: ComponentKind
    let type: String
  }
  private var byName: [Name: RegisteredComponent] = [:]

  /// An empty registry.
  public init() {}

  /// The registry of the host's own stages.
  public static let builtin: ComponentRegistry = {
    var registry = ComponentRegistry()
    for stage in [StageKind.input, .filter, .output] {
      for name in SchemaRegistry.builtin.names(stage) {
        guard let table = SchemaRegistry.builtin.schema(stage, name) else { continue }
        registry.register(
          RegisteredComponent(
            kind: ComponentKind(stage), typeName: name, help: table.help, table: table,
            origin: .builtin, plugin: nil, component: nil))
      }
    }
    registry.register(
      RegisteredComponent(
        kind: .configFormat, typeName: "classic", help: "sections of indented keys", table: nil,
        origin: .builtin, plugin: nil, component: nil))
    return registry
  }()

  /// Adds a component; false when the name is taken.
  @discardableResult
  public mutating func register(_ component: RegisteredComponent) -> Bool {
    let name = Name(kind: component.kind, type: component.typeName)
    guard byName[name] == nil else { return false }
    byName[name] = component
    return true
  }

  /// Adds the components of a plugin.
  /// - Returns: those whose name is taken already.
  @discardableResult
  public mutating func register(_ plugin: LoadedPlugin) -> [RegisteredComponent] {
    var refused: [RegisteredComponent] = []
    for component in plugin.descriptor.components {
      let table = component.kind.stage.map {
        component.schema.table(
          kind: $0, name: component.typeName, help: component.help,
          adding: $0 == .input ? LineOptions.all : [], usesNetwork: component.isCarried)
      }
      let registered = RegisteredComponent(
        kind: component.kind, typeName: component.typeName, help: component.help, table: table,
        origin: .file(plugin.path), plugin: plugin, component: component)
      let known = byName[Name(kind: component.kind, type: component.typeName)]
      if known?.plugin === plugin { continue }
      if !register(registered) { refused.append(registered) }
    }
    return refused
  }

  /// The component of a name; a filter is looked for among parsers too.
  public func component(_ kind: ComponentKind, _ type: String) -> RegisteredComponent? {
    let type = type.lowercased()
    if let found = byName[Name(kind: kind, type: type)] { return found }
    return kind == .filter ? byName[Name(kind: .parser, type: type)] : nil
  }

  /// Everything, sorted by kind and name.
  public var all: [RegisteredComponent] {
    byName.values.sorted { ($0.kind.rawValue, $0.typeName) < ($1.kind.rawValue, $1.typeName) }
  }
}
