public import WeirRing

/// The credit of one output: how many bytes may be under way to it.
///
/// A stream that can reach an output takes credit before its bytes are read; what a payload takes
/// beyond that is taken when it is made. The credit comes back when the output has finished with
/// it. A closed gate stops exactly the streams that reach the output, at the place where reading
/// begins, and no other.
public typealias OutputGate = CreditGate

extension CreditGate {
  /// Credit that a chunk takes beside its bytes: the ledger's ranges are shared by all outputs, and
  /// a blocked one must not fill them with many short chunks before its gate closes.
  public static let chunkBytes = 512
}
