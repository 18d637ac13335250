import WeirBatch

/// How far ids of the process-wide key table go.
enum KeyLimit {
  static var count: UInt32 { KeyTable.shared.count }
}
