import Testing

/// The parent of every suite of this module. They run one after the other, because they hold rates
/// against each other and measure memory.
@Suite("end to end", .serialized)
enum EndToEnd {}
