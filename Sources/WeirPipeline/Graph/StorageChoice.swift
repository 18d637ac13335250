import Glibc
public import WeirConfig
import WeirDelivery
import WeirInputs

/// Where an output's bodies and dead items are kept.
struct StorageChoice {
  var spool: SpoolSettings?
  var deadLetters: SpoolSettings?
  /// False when the configuration wants no dead letters.
  var keepsRejected = true

  init(_ config: InstanceConfig, _ configuration: Configuration) throws(ConfigProblem) {
    let service = configuration.service
    let root = service.storagePath ?? service.defaultStorageRoot
    // As in Fluent Bit 0 and `off` set no limit, and say nothing about whether there is a spool.
    let limit = try config.size("storage.total_limit_size") ?? 0
    if limit > 0 || StorageChoice.hasFiles(configuration) {
      guard let root else {
        throw config.problem(
          "a spool needs a folder", key: "storage.total_limit_size",
          suggestion: "set storage.path in the service section")
      }
      spool = SpoolSettings(
        directory: SpoolLayout.spool(root: root, output: config.name),
        limitBytes: limit > 0 ? limit : nil,
        policy: try config.choice(
          "storage.total_limit_action", ["block", "drop_oldest"], default: "drop_oldest") == "block"
          ? .block : .dropOldest)
    }
    keepsRejected = service.text("storage.keep.rejected").flatMap(ValueGrammar.bool) ?? true
    guard let root, keepsRejected else { return }
    let letters =
      service.text("storage.rejected.limit").flatMap(ValueGrammar.size)
      ?? CarriedSetup.deadLetterBytes
    deadLetters = SpoolSettings(
      directory: SpoolLayout.deadLetters(
        root: root, output: config.name, folder: service.deadLetterFolder),
      limitBytes: letters > 0 ? letters : nil, policy: .dropOldest)
  }

  /// Every output has a spool when an input asks for files.
  private static func hasFiles(_ configuration: Configuration) -> Bool {
    configuration.inputs.contains { $0.storageType(configuration.service) == "filesystem" }
  }
}

extension ServiceConfig {
  /// The folder that stands in for `storage.path`: that of read positions, where it can be written.
  var defaultStorageRoot: String? {
    let folder = CheckpointDatabases.defaultDirectory
    return access(folder, W_OK) == 0 ? folder : nil
  }

  /// Where to look for spools and dead letters: `storage.path`, or the folder that stands in for it
  /// when it is there; nil when nothing is kept on the disk.
  public var storageRootToInspect: String? {
    if let path = storagePath { return path }
    let folder = CheckpointDatabases.defaultDirectory
    return access(folder, F_OK) == 0 ? folder : nil
  }

  /// `storage.rejected.path`; nil for the folder's own name.
  public var deadLetterFolder: String? { text("storage.rejected.path") }
}
