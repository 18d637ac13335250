/// Why an input cannot start; the text names the input and what to do.
public struct InputError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
