// Python's `random.Random("some text").random`: the numbers from which the published generator of these events makes them, so that this one
// makes the same.

/// The Mersenne Twister of 32 bits (Matsumoto and Nishimura 1998), seeded with a text as Python 3 does it.
struct PythonRandom {
    private static let size = 624, middle = 397
    private var words: [UInt32]
    private var position = PythonRandom.size

    /// The generator that Python makes for this text: the text and its SHA-512 are read as one large number, whose words of 32 bits, the
    /// lowest first, are mixed into the state.
    init(seed text: String) {
        let bytes = Array(text.utf8)
        let number = Array((bytes + SHA512.digest(bytes)).reversed())
        let key = stride(from: 0, to: number.count, by: 4).map { start in
            number[start..<min(start + 4, number.count)].reversed().reduce(0 as UInt32) { $0 << 8 | UInt32(truncatingIfNeeded: $1) }
        }
        words = [19_650_218]
        words.reserveCapacity(PythonRandom.size)
        for index in 1..<PythonRandom.size {
            words.append(1_812_433_253 &* (words[index - 1] ^ (words[index - 1] >> 30)) &+ UInt32(truncatingIfNeeded: index))
        }
        mix(key)
    }

    private mutating func mix(_ key: [UInt32]) {
        var (index, place) = (1, 0)
        func advance(_ index: inout Int, _ words: inout [UInt32]) {
            index += 1
            guard index == PythonRandom.size else { return }
            words[0] = words[PythonRandom.size - 1]
            index = 1
        }
        for _ in 0..<max(PythonRandom.size, key.count) {
            let previous = words[index - 1] ^ (words[index - 1] >> 30)
            words[index] = (words[index] ^ (previous &* 1_664_525)) &+ key[place] &+ UInt32(truncatingIfNeeded: place)
            place = place + 1 == key.count ? 0 : place + 1
            advance(&index, &words)
        }
        for _ in 1..<PythonRandom.size {
            let previous = words[index - 1] ^ (words[index - 1] >> 30)
            words[index] = (words[index] ^ (previous &* 1_566_083_941)) &- UInt32(truncatingIfNeeded: index)
            advance(&index, &words)
        }
        words[0] = 0x8000_0000
    }

    /// A number from 0 up to, but without, 1, of 53 bits.
    mutating func next() -> Double {
        let high = word() >> 5, low = word() >> 6
        return (Double(high) * 67_108_864 + Double(low)) * (1 / 9_007_199_254_740_992)
    }

    /// A number from 0 up to, but without, `bound`.
    mutating func below(_ bound: Int) -> Int { Int(next() * Double(bound)) }

    private mutating func word() -> UInt32 {
        if position == PythonRandom.size { turn() }
        var word = words[position]
        position += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9d2c_5680
        word ^= (word << 15) & 0xefc6_0000
        return word ^ (word >> 18)
    }

    private mutating func turn() {
        let size = PythonRandom.size
        for index in 0..<size {
            let next = index + 1 == size ? 0 : index + 1
            let far = index + PythonRandom.middle < size ? index + PythonRandom.middle : index + PythonRandom.middle - size
            let mixed = (words[index] & 0x8000_0000) | (words[next] & 0x7fff_ffff)
            words[index] = words[far] ^ (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_b0df)
        }
        position = 0
    }
}

/// The SHA-512 message digest (FIPS 180-4), for texts of a few bytes.
enum SHA512 {
    /// The first 64 bits of the fractions of the square roots of the first eight primes.
    private static let start: [UInt64] = [
        0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1, 0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
    ]
    /// The first 64 bits of the fractions of the cube roots of the first eighty primes.
    private static let constants: [UInt64] = [
        0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc, 0x3956_c25b_f348_b538,
        0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118, 0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe,
        0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2, 0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235,
        0xc19b_f174_cf69_2694, 0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
        0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5, 0x983e_5152_ee66_dfab,
        0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4, 0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725,
        0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70, 0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed,
        0x5338_0d13_9d95_b3df, 0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
        0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30, 0xd192_e819_d6ef_5218,
        0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8, 0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53,
        0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8, 0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373,
        0x682e_6ff3_d6b2_b8a3, 0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
        0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b, 0xca27_3ece_ea26_619c,
        0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178, 0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6,
        0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b, 0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc,
        0x431d_67c4_9c10_0d4c, 0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
    ]

    /// The 64 bytes of the digest.
    static func digest(_ text: [UInt8]) -> [UInt8] {
        var message = text
        message.append(0x80)
        message.append(contentsOf: repeatElement(0, count: (248 - message.count % 128) % 128))
        for shift in (0..<8).reversed() { message.append(UInt8(truncatingIfNeeded: (text.count &* 8) >> (shift * 8))) }
        var state = start
        for block in stride(from: 0, to: message.count, by: 128) { mix(&state, message[block..<block + 128]) }
        return state.flatMap { word in (0..<8).reversed().map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
    }

    private static func mix(_ state: inout [UInt64], _ block: ArraySlice<UInt8>) {
        func turned(_ word: UInt64, _ count: UInt64) -> UInt64 { word >> count | word << (64 - count) }
        var words = stride(from: block.startIndex, to: block.endIndex, by: 8).map { at in
            block[at..<at + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        for index in 16..<80 {
            let (near, far) = (words[index - 2], words[index - 15])
            let low = turned(far, 1) ^ turned(far, 8) ^ (far >> 7)
            let high = turned(near, 19) ^ turned(near, 61) ^ (near >> 6)
            words.append(words[index - 16] &+ low &+ words[index - 7] &+ high)
        }
        var v = state
        for index in 0..<80 {
            let high = turned(v[4], 14) ^ turned(v[4], 18) ^ turned(v[4], 41)
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
            let first = v[7] &+ high &+ choice &+ constants[index] &+ words[index]
            let low = turned(v[0], 28) ^ turned(v[0], 34) ^ turned(v[0], 39)
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            v = [first &+ low &+ majority, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        for (index, value) in v.enumerated() { state[index] = state[index] &+ value }
    }
}
