import CWeirKernels
import Glibc
import Testing
import WeirTestSupport

private func written(_ room: Int, _ put: (UnsafeMutablePointer<UInt8>) -> Int) -> String {
  let memory = GuardedBytes()
  let dst = memory.room(room)
  return text(bytes(dst, put(dst)))
}

private func json(_ v: Double, _ policy: Int = WEIR_NAN_RAW) -> String {
  written(32) { weir_put_double_json($0, v, Int32(policy)) }
}

@Suite("Number and time kernels")
struct KernelNumberTests {
  @Test("integers are written as Swift writes them")
  func integers() {
    let edges: [Int64] = [0, 1, -1, 9, 10, 99, 100, -100, 12345, .max, .min]
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      let some = edges + (0..<500).map { _ in Int64(bitPattern: random.next()) >> random.below(64) }
      for v in some {
        #expect(written(24) { weir_put_i64($0, v) } == String(v))
        let u = UInt64(bitPattern: v)
        #expect(written(24) { weir_put_u64($0, u) } == String(u))
      }
    }
  }

  @Test(
    "floats follow the writer's rule",
    arguments: [
      (1000, "1000.0"), (1.5, "1.5"), (-0.25, "-0.25"), (1e-5, "1e-05"), (1e21, "1e+21"),
      (0.1, "0.1"), (-0.0, "0.0"), (0, "0.0"), (9.2, "9.199999999999999"),
      (1e18, "1000000000000000000.0"),
      (1e19, "1e+19"), (0.0001, "0.0001"), (1.25e-7, "1.25e-07"),
      (1554476063.58427, "1554476063.58427"),
      (1.797693134862315e308, "1.797693134862315e+308"),
      (.leastNonzeroMagnitude, "4.940656458412465e-324"),
    ] as [(Double, String)])
  func floats(value: Double, expected: String) {
    #expect(json(value) == expected)
  }

  @Test("NaN and infinities are raw, or null")
  func notFinite() {
    #expect(json(.nan) == "nan" && json(-.nan) == "-nan")
    #expect(json(.infinity) == "inf" && json(-.infinity) == "-inf")
    for v in [Double.nan, .infinity, -.infinity] { #expect(json(v, WEIR_NAN_NULL) == "null") }
  }

  @Test("every float agrees with printf")
  func printf() {
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      for _ in 0..<4000 {
        let v: Double
        switch random.below(4) {
        case 0: v = Double(bitPattern: random.next())
        case 1: v = Double(random.below(1_000_000)) / 1000
        case 2: v = Double(Int64(bitPattern: random.next())) * pow(10, -Double(random.below(36)))
        default: v = Double(random.next() >> random.below(64)) / pow(10, Double(random.below(20)))
        }
        if !v.isFinite { continue }
        let integral = v == v.rounded(.towardZero) && v >= -0x1p63 && v < 0x1p63
        let expected = v == 0 ? "0.0" : printed(integral ? "%.1f" : "%.16g", v)
        #expect(json(v) == expected, "seed \(seed) bits \(v.bitPattern)")
        #expect(
          written(352) { weir_put_double_f6($0, v) } == printed("%f", v),
          "seed \(seed) bits \(v.bitPattern)")
      }
    }
  }

  @Test("times are written in UTC with the digits asked for, with and without a cache")
  func times() {
    func iso(_ ns: Int64, _ digits: Int32) -> String {
      written(40) { weir_put_time_iso($0, ns, digits, nil) }
    }
    #expect(iso(1_770_091_506_123_456_789, 9) == "2026-02-03T04:05:06.123456789Z")
    #expect(iso(1_770_091_506_123_456_789, 6) == "2026-02-03T04:05:06.123456Z")
    #expect(iso(1_770_091_506_123_456_789, 0) == "2026-02-03T04:05:06Z")
    #expect(iso(-1, 3) == "1969-12-31T23:59:59.999Z")
    #expect(iso(.min, 9) == "1677-09-21T00:12:43.145224192Z")
    #expect(iso(.max, 9) == "2262-04-11T23:47:16.854775807Z")
    #expect(
      written(40) { weir_put_time_sql($0, 1_770_091_506_123_456_789, 6, nil) }
        == "2026-02-03 04:05:06.123456")
    var cache = weir_second_cache()
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      for _ in 0..<2000 {
        let ns =
          random.oneIn(3) ? Int64(bitPattern: random.next()) : Int64(random.below(5_000_000_000))
        let cached = written(40) { weir_put_time_iso($0, ns, 9, &cache) }
        #expect(cached == iso(ns, 9))
        var back: Int64 = 0
        let memory = GuardedBytes()
        let data = Array(cached.utf8)
        #expect(weir_time_rfc3339(memory.input(data), data.count, nil, &back) == 1)
        #expect(back == ns, "seed \(seed) \(cached)")
      }
    }
  }

  @Test("epoch texts are right on both sides of zero")
  func epochs() {
    func nine(_ ns: Int64) -> String { written(32) { weir_put_epoch9($0, ns) } }
    func double(_ ns: Int64) -> String { written(32) { weir_put_epoch_double($0, ns) } }
    #expect(nine(1_770_091_506_123_456_789) == "1770091506.123456789")
    #expect(nine(-1_500_000_000) == "-1.500000000" && nine(-1) == "-0.000000001")
    #expect(nine(.min) == "-9223372036.854775808")
    #expect(double(1_770_091_506_123_456_789) == "1770091506.123457")
    #expect(double(1_770_091_507_000_000_000) == "1770091507.0" && double(645_000_000) == "0.645")
    #expect(double(999_999_999) == "1.0" && double(-1_500_000_000) == "-1.5" && double(-1) == "0.0")
  }

  @Test("UTF-8 is checked and cut as Swift does it")
  func utf8() {
    let memory = GuardedBytes()
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      for _ in 0..<1500 {
        var data: [UInt8] = []
        for _ in 0..<random.below(50) {
          data +=
            random.oneIn(3)
            ? Array(random.pick(["é", "€", "😀", "\u{800}", "\u{10ffff}"]).utf8) : [97]
        }
        if random.oneIn(2), !data.isEmpty {
          data[random.below(data.count)] = UInt8(random.below(256))
        }
        let p = memory.input(data, padding: { _ in 0xa9 })
        let valid = String(validating: data, as: UTF8.self) != nil
        #expect(weir_utf8_valid(p, data.count) == (valid ? 1 : 0), "seed \(seed) \(data)")
        #expect(weir_is_ascii(p, data.count) == (data.allSatisfy { $0 < 0x80 } ? 1 : 0))
        if valid {
          // Cut anywhere: what is left is the longest valid prefix.
          let cut = random.below(data.count + 1)
          var longest = cut
          while String(validating: data[..<longest], as: UTF8.self) == nil { longest -= 1 }
          #expect(weir_utf8_truncate(p, cut) == longest, "seed \(seed) \(data) \(cut)")
        }
      }
    }
  }

  @Test("hashes and comparisons of short keys depend on all bytes and on nothing else")
  func keys() {
    let memory = GuardedBytes()
    let exact = GuardedBytes()
    for seed in SeededGenerator.seeds {
      var random = SeededGenerator(seed: seed)
      for n in 0..<70 {
        let data = (0..<n).map { _ in UInt8(random.below(256)) }
        let a = weir_hash_key(memory.input(data, padding: { _ in 0 }), n)
        let b = weir_hash_key(memory.input(data, padding: { _ in 0xff }), n)
        let room = exact.room(n)
        room.update(from: data, count: n)
        #expect(a == b && a == weir_hash_bytes(room, n))
        let p = memory.input(data)
        #expect(weir_memeq(p, room, n) == 1)
        for i in 0..<n {
          room[i] ^= 1
          #expect(weir_memeq(p, room, n) == 0)
          #expect(weir_hash_bytes(room, n) != a, "seed \(seed) length \(n) byte \(i)")
          room[i] ^= 1
        }
      }
    }
  }
}
