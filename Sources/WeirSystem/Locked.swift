public import Glibc

/// A value behind a POSIX mutex. Any thread.
///
/// The standard library's `Mutex` waits on a futex that the thread sanitizer cannot see, so every
/// access under it is reported as a race; a POSIX mutex is seen, and costs the same here.
public struct Locked<Value>: ~Copyable, @unchecked Sendable {
  @usableFromInline let storage: Storage

  @safe @usableFromInline
  final class Storage {
    @usableFromInline let value: UnsafeMutablePointer<Value>
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>

    @usableFromInline
    init(_ value: Value) {
      unsafe self.value = .allocate(capacity: 1)
      unsafe self.value.initialize(to: value)
      unsafe mutex = .allocate(capacity: 1)
      unsafe mutex.initialize(to: pthread_mutex_t())
      unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
      unsafe pthread_mutex_destroy(mutex)
      unsafe mutex.deallocate()
      unsafe value.deinitialize(count: 1)
      unsafe value.deallocate()
    }
  }

  @inlinable
  public init(_ value: Value) { storage = Storage(value) }

  /// Runs `body` with the value while no other thread has it. Not re-entrant.
  @inlinable
  public borrowing func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_mutex_lock(storage.mutex)
    defer { unsafe pthread_mutex_unlock(storage.mutex) }
    return try unsafe body(&storage.value.pointee)
  }
}
