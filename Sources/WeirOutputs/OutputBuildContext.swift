public import WeirConfig
public import WeirStage

/// What the built-in outputs take from their surroundings.
public struct OutputBuildContext: Sendable {
  /// `json.escape_unicode`: non-ASCII as `\uXXXX`.
  public var escapeUnicode: Bool
  /// `json.convert_nan_to_null`.
  public var nanToNull: Bool
  /// Where `rotate_gzip` finds its codec.
  public var codecs: CodecRegistry
  /// Descriptor that stdout and counter write to.
  public var standardOutput: Int32 = 1
  /// Wall clock in nanoseconds since 1970-01-01T00:00:00Z.
  public var now: @Sendable () -> Int64
  /// The system calls that write.
  var writer = DescriptorWriter()

  /// Takes the JSON options of the service section.
  public init(
    service: ServiceConfig = ServiceConfig(), codecs: CodecRegistry = .shared,
    now: @escaping @Sendable () -> Int64 = { Clock.wall() }
  ) {
    escapeUnicode = service.jsonEscapeUnicode
    nanToNull = service.jsonConvertNanToNull
    self.codecs = codecs
    self.now = now
  }
}
