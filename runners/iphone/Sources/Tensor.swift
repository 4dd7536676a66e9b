// Never compiled: it was written where there is no Swift, and only its syntax is checked (scripts/check-swift.sh).
//
// Tensors as bytes: .npy files in and out, and what a result says of an output.
import CryptoKit
import Foundation

struct Failure: Error {
    let domain: String
    let code: String
    let message: String
}

struct Tensor {
    var dtype: String
    var shape: [Int]
    var bytes: Data

    /// The names that NumPy's headers have for the types that Core AI takes and gives.
    static let descriptors = [
        "float32": "<f4", "float16": "<f2", "int32": "<i4", "int16": "<i2", "int8": "|i1", "uint8": "|u1", "uint32": "<u4",
        "uint16": "<u2", "bool": "|b1",
    ]
    static let sizes = [
        "float32": 4, "float16": 2, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "uint32": 4, "uint16": 2, "bool": 1,
    ]

    static func zeros(dtype: String, shape: [Int]) throws -> Tensor {
        guard let size = sizes[dtype] else {
            throw Failure(domain: "host", code: "dtype", message: "a state of type \(dtype) is not known to this app")
        }
        return Tensor(dtype: dtype, shape: shape, bytes: Data(count: size * shape.reduce(1, *)))
    }

    /// The data of a file that trapline has written, whose type and shape it says beside it: the header is passed over.
    static func read(_ file: URL, dtype: String, shape: [Int]) throws -> Tensor {
        let all = try Data(contentsOf: file)
        let count = (sizes[dtype] ?? 0) * shape.reduce(1, *)
        guard sizes[dtype] != nil, all.count >= count else {
            throw Failure(domain: "host", code: "input", message: "\(file.lastPathComponent) does not hold what it should")
        }
        return Tensor(dtype: dtype, shape: shape, bytes: Data(all.suffix(count)))
    }

    func write(_ file: URL) throws {
        let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var header = "{'descr': '\(Tensor.descriptors[dtype] ?? "|V1")', 'fortran_order': False, 'shape': (\(sizes)), }"
        let rest = (header.utf8.count + 11) % 64
        header += String(repeating: " ", count: (64 - rest) % 64) + "\n"
        let length = UInt16(header.utf8.count)
        var all = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0, UInt8(length & 0xff), UInt8(length >> 8)])
        all.append(Data(header.utf8))
        all.append(bytes)
        try all.write(to: file)
    }

    /// As numbers, in the order of the file.
    func values() -> [Double] {
        bytes.withUnsafeBytes { raw -> [Double] in
            switch dtype {
            case "float32": return raw.bindMemory(to: Float.self).map { Double($0) }
            case "float16": return raw.bindMemory(to: Float16.self).map { Double($0) }
            case "int32": return raw.bindMemory(to: Int32.self).map { Double($0) }
            case "int16": return raw.bindMemory(to: Int16.self).map { Double($0) }
            case "int8": return raw.bindMemory(to: Int8.self).map { Double($0) }
            case "uint32": return raw.bindMemory(to: UInt32.self).map { Double($0) }
            case "uint16": return raw.bindMemory(to: UInt16.self).map { Double($0) }
            default: return raw.map { Double($0) }
            }
        }
    }

    /// JSON has no NaN.
    private static func figure(_ value: Double) -> Any {
        if value.isFinite {
            return value
        }
        return value.isNaN ? "nan" : value > 0 ? "inf" : "-inf"
    }

    /// An output as a result tells it (docs/runners.md).
    func described(name: String, npy: String?) -> [String: Any] {
        let all = values()
        let finite = all.allSatisfy { $0.isFinite }
        var told: [String: Any] = [
            "name": name, "dtype": dtype, "shape": shape,
            "hash": SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined(),
            "finite": finite, "first": all.prefix(32).map { Tensor.figure($0) },
        ]
        if finite, let least = all.min(), let most = all.max() {
            told["min"] = least
            told["max"] = most
            told["mean"] = all.reduce(0, +) / Double(all.count)
        }
        if let npy {
            told["npy"] = npy
        }
        return told
    }
}
