import CWeirSystem
import Glibc
import WeirPluginHost

/// `weir plugin list | inspect FILE | check FILE`: the arguments behind `plugin`.
/// - Returns: the exit status: 0, 1 when something is wrong, 2 when the arguments are.
func runPluginCommand(_ arguments: [String]) -> Int32 {
  switch arguments.first {
  case "list" where arguments.count == 1: return listPlugins()
  case "inspect" where arguments.count == 2: return inspectPlugin(arguments[1])
  case "check": return checkPlugin(Array(arguments.dropFirst()))
  case "help", "--help", "-h":
    print(pluginUsage, terminator: "")
    return 0
  default:
    complain(pluginUsage)
    return 2
  }
}

private let pluginUsage = """
  usage: weir plugin list                        what is built in, and the folder of plugins
         weir plugin inspect FILE                what a plugin says about itself
         weir plugin check FILE [-p KEY=VALUE]   hold a plugin against the contract

  """

private func complain(_ text: String) {
  var text = text.hasSuffix("\n") ? text : text + "\n"
  text.withUTF8 { _ = unsafe write(2, $0.baseAddress, $0.count) }
}

private func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(1, width - text.utf8.count))
}

// MARK: list

private func listPlugins() -> Int32 {
  let host = PluginHost.shared
  let problems = host.loadFolder()
  for component in host.registry.all {
    print(pad(component.kind.name, 15) + pad(component.typeName, 20) + "\(component.origin)")
  }
  for problem in problems { complain("error: \(problem)") }
  if let folder = host.loader.folder { print("plugin folder: \(folder)") }
  return problems.isEmpty ? 0 : 1
}

// MARK: inspect

private func inspectPlugin(_ file: String) -> Int32 {
  let plugin: LoadedPlugin
  do {
    plugin = try PluginLoader(folder: nil).load(named: file)
  } catch {
    complain("error: \(error)")
    return 1
  }
  let descriptor = plugin.descriptor
  print("\(descriptor.name) \(descriptor.version)")
  print("  file      \(plugin.path)")
  print("  licence   \(descriptor.licence.isEmpty ? "not named" : descriptor.licence)")
  if !descriptor.buildID.isEmpty { print("  build     \(descriptor.buildID)") }
  print("  abi       1.\(descriptor.abiMinor), runs with hosts from 1.\(descriptor.hostMinorMin)")
  if descriptor.isSingleLane { print("  lanes     one at a time") }
  for component in descriptor.components { show(component) }
  return 0
}

private func show(_ component: PluginComponent) {
  print("\(component.kind.name) \(component.typeName)")
  if !component.help.isEmpty { print("  \(component.help)") }
  if component.lanesMax > 0 { print("  lanes     at most \(component.lanesMax)") }
  for option in component.schema.options {
    var facts = [option.accepted]
    if let text = option.defaultText { facts.append("default \(text)") }
    if option.isRequired { facts.append("required") }
    if option.isSecret { facts.append("secret") }
    if let reason = option.noEffect { facts.append("without effect: \(reason)") }
    if let instead = option.deprecated { facts.append("deprecated, use \(instead)") }
    print("  " + pad(option.name, 20) + facts.joined(separator: "; "))
    if !option.help.isEmpty { print("  " + pad("", 20) + option.help) }
  }
  if component.schema.acceptsAny { print("  any other option is handed over as it is") }
}

// MARK: check

/// Checks in a process of its own, so that a plugin that crashes is reported like any other fault.
private func checkPlugin(_ arguments: [String]) -> Int32 {
  if arguments.first == "--here" { return checkHere(Array(arguments.dropFirst())) }
  guard parse(arguments) != nil else {
    complain(pluginUsage)
    return 2
  }
  let words = ["weir", "plugin", "check", "--here"] + arguments
  var copies: [UnsafeMutablePointer<CChar>?] = unsafe words.map { unsafe strdup($0) }
  unsafe copies.append(nil)
  defer { for index in unsafe copies.indices { unsafe free(copies[index]) } }
  var child: pid_t = 0
  guard unsafe posix_spawn(&child, "/proc/self/exe", nil, nil, copies, environ) == 0 else {
    return checkHere(arguments)
  }
  var status: Int32 = 0
  while unsafe waitpid(child, &status, 0) < 0 && errno == EINTR {}
  // The low seven bits are the signal that ended it.
  let signal = status & 0x7f
  if signal == 0 { return (status >> 8) & 0xff }
  complain(unsafe "error: the plugin crashed: \(String(cString: strsignal(signal)))")
  print("not ok: the check did not come to its end")
  return 1
}

private func checkHere(_ arguments: [String]) -> Int32 {
  guard let (file, options) = parse(arguments) else {
    complain(pluginUsage)
    return 2
  }
  let report = ContractCheck.run(file: file, options: options)
  print(report.text, terminator: "")
  return report.isClean ? 0 : 1
}

private func parse(
  _ arguments: [String]
) -> (file: String, options: [(key: String, value: String)])? {
  var file: String?
  var options: [(key: String, value: String)] = []
  var rest = arguments[...]
  while let word = rest.popFirst() {
    if word == "-p" {
      guard let pair = rest.popFirst(), let equals = pair.firstIndex(of: "=") else { return nil }
      options.append(
        (String(pair[..<equals]).lowercased(), String(pair[pair.index(after: equals)...])))
    } else if word.hasPrefix("-") || file != nil {
      return nil
    } else {
      file = word
    }
  }
  return file.map { ($0, options) }
}
