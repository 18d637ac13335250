import CWeirPlugin
import Glibc
import Testing
import WeirBatch
import WeirStage
import WeirTelemetry
import WeirTestSupport

@testable import WeirPluginHost

/// Descriptors and batches with random damage: told or repaired, never followed.
@Suite("damaged descriptors and batches")
struct FuzzTests {
  /// A descriptor with all its parts in one block, so that any of its words can be hit.
  final class Block {
    static let words = 512
    /// Pointers that are hit move by up to 8 KiB, and lengths go up to 64 KiB: all inside.
    static let mappingBytes = 1 << 20
    let base: UnsafeMutablePointer<UInt64>
    let good: [UInt64]

    init() throws {
      let memory = try #require(
        mmap(
          nil, Block.mappingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
      try #require(memory != MAP_FAILED)
      base = memory.bindMemory(to: UInt64.self, capacity: Block.words)
      let raw = UnsafeMutableRawPointer(base)
      let component = raw + 128
      let lifecycle = raw + 256
      let table = raw + 384
      let text = raw + 512
      _ = "demo1.0Apache-2.0".utf8.enumerated().map { index, byte in
        text.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
      }
      let data = UnsafePointer(text.assumingMemoryBound(to: UInt8.self))
      lifecycle.bindMemory(to: weir_lifecycle.self, capacity: 1).pointee = weir_lifecycle(
        struct_size: UInt32(MemoryLayout<weir_lifecycle>.size), reserved: 0,
        create: { _, _, _, _, _ in -1 }, prepare: { _, _, _ in -1 },
        lane_open: { _, _, _, _ in -1 }, drain: nil, lane_close: { _, _ in }, destroy: { _ in })
      table.bindMemory(to: weir_filter.self, capacity: 1).pointee = weir_filter(
        struct_size: UInt32(MemoryLayout<weir_filter>.size), reserved: 0,
        process: { _, _, _, _, _, _, _ in -1 })
      component.bindMemory(to: weir_component.self, capacity: 1).pointee = weir_component(
        struct_size: UInt32(MemoryLayout<weir_component>.size), kind: UInt32(WEIR_KIND_FILTER),
        type_name: weir_string(data: data, length: 4), help: weir_string(),
        options: weir_string(), capabilities: 0, lanes_max: 0,
        lifecycle: UnsafePointer(lifecycle.assumingMemoryBound(to: weir_lifecycle.self)),
        table: UnsafeRawPointer(table))
      raw.bindMemory(to: weir_descriptor.self, capacity: 1).pointee = weir_descriptor(
        magic: UInt64(WEIR_MAGIC), struct_size: UInt32(MemoryLayout<weir_descriptor>.size),
        abi_major: 1, abi_minor: 0, host_minor_min: 0, flags: 0, component_count: 1,
        component_stride: UInt32(MemoryLayout<weir_component>.stride), reserved: 0,
        components: UnsafePointer(component.assumingMemoryBound(to: weir_component.self)),
        name: weir_string(data: data, length: 4), version: weir_string(data: data + 4, length: 3),
        licence: weir_string(data: data + 7, length: 10), build_id: weir_string())
      good = Array(UnsafeBufferPointer(start: base, count: Block.words))
    }

    deinit { munmap(base, Block.mappingBytes) }

    func restore() { base.update(from: good, count: Block.words) }
  }

  @Test("a descriptor with damaged words is read or refused")
  func descriptors() throws {
    let seed = UInt64.random(in: 1...1 << 40)
    var random = SeededGenerator(seed: seed)
    let block = try Block()
    let reader = try DescriptorReader(file: "fuzz")
    #expect(try reader.read(UnsafeRawPointer(block.base)).name == "demo")
    var refused = 0
    for _ in 0..<20_000 {
      block.restore()
      for _ in 0..<Int(random.next() % 3 + 1) {
        // The descriptor, the component, the lifecycle and the table: the first 400 bytes.
        let place = UnsafeMutableRawPointer(block.base) + Int(random.next() % 400)
        switch random.next() % 4 {
        case 0: place.storeBytes(of: UInt8(truncatingIfNeeded: random.next()), as: UInt8.self)
        case 1: block.base[Int(random.next() % 50)] = random.next()
        case 2: block.base[Int(random.next() % 50)] &+= random.next() % 8192
        default: block.base[Int(random.next() % 50)] = 0
        }
      }
      do { _ = try reader.read(UnsafeRawPointer(block.base)) } catch { refused += 1 }
    }
    #expect(refused > 1000, "seed \(seed)")
  }

  @Test("a batch with damaged records and fields can be walked once it is repaired")
  func batches() throws {
    let seed = UInt64.random(in: 1...1 << 40)
    var random = SeededGenerator(seed: seed)
    for round in 0..<400 {
      let check = CheckBatch()
      check.addEverything()
      let bounds = BatchBounds(check.batch)
      let raw = check.batch.raw
      let recordCount = check.batch.recordCount
      for _ in 0..<Int(random.next() % 6 + 1) {
        let value = random.next() >> (random.next() % 64)
        switch random.next() % 8 {
        case 0:
          let record = raw.pointee.records + Int(random.next() % UInt64(recordCount))
          let place = UnsafeMutableRawPointer(record) + Int(random.next() % 12) * 4
          place.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
        case 1: raw.pointee.record_count = UInt32(truncatingIfNeeded: value)
        case 2: raw.pointee.field_count = UInt32(truncatingIfNeeded: value)
        default:
          let field = raw.pointee.fields + Int(random.next() % UInt64(bounds.fieldCount))
          let place = UnsafeMutableRawPointer(field) + Int(random.next() % 4) * 4
          place.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
        }
      }
      _ = bounds.repair(check.batch)
      #expect(
        BatchCheck.problems(check.batch.raw.pointee).allSatisfy { $0.hasPrefix("record ") },
        "seed \(seed), round \(round)")
      _ = BatchText.render(check.batch)
      let payload = Payload()
      let selection = (0..<UInt32(check.batch.recordCount)).filter {
        check.batch.records[Int($0)].flags & UInt16(WEIR_RECORD_DROPPED) == 0
      }
      _ = selection.withUnsafeBufferPointer {
        BatchImage.write(check.batch, $0, into: payload)
      }
      let image = BatchImage.open(payload)
      #expect(
        BatchText.render(Batch(image)) == selection.map { BatchText.record(check.batch, Int($0)) },
        "seed \(seed), round \(round)")
    }
  }

  @Test("files that are no ELF file, or a damaged one, have no exported symbols")
  func elf() throws {
    let seed = UInt64.random(in: 1...1 << 40)
    var random = SeededGenerator(seed: seed)
    #expect(ExportedSymbols.read(Build.plugin("WeirSampleRedact")) == ["weir_plugin_entry_v1"])
    #expect(ExportedSymbols.read(Build.root + "/Package.swift") == nil)
    let file = try #require(fopen(Build.plugin("WeirSampleRedact"), "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    for _ in 0..<2000 {
      var hurt = bytes
      for _ in 0..<20 {
        let at = random.next() % 4 == 0 ? 64 : UInt64(hurt.count)
        hurt[Int(random.next() % at)] = UInt8(truncatingIfNeeded: random.next())
      }
      _ = hurt.withUnsafeBytes { ExportedSymbols.names(in: $0) }
    }
  }
}
