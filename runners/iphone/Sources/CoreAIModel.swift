// Never compiled: it was written where there is no Swift, and only its syntax is checked (scripts/check-swift.sh).
//
// Every call of Core AI that this app makes. The framework is described for Python; its names in Swift are taken from
// programs that were published. What a compiler objects to will be in this file.
import Foundation

#if canImport(CoreAI)
import CoreAI

final class CoreAIModel {
    private let model: AIModel

    /// Which unit is preferred. That is no promise: no interface says where a function ran.
    private static func options(for device: String) throws -> SpecializationOptions? {
        switch device {
        case "default": return nil
        case "cpu": return SpecializationOptions(preferredComputeUnitKind: .cpu)
        case "gpu": return SpecializationOptions(preferredComputeUnitKind: .gpu)
        case "ane": return SpecializationOptions(preferredComputeUnitKind: .neuralEngine)
        default: throw Failure(domain: "host", code: "device", message: "there is no device \(device)")
        }
    }

    /// Specialises a model for a device, which is the compilation.
    init(_ asset: URL, device: String) async throws {
        if let options = try CoreAIModel.options(for: device) {
            model = try await AIModel.specialize(contentsOf: asset, options: options)
        } else {
            model = try await AIModel(contentsOf: asset)
        }
    }

    /// One call. States are changed.
    func call(_ name: String, inputs: [String: Tensor], states: inout [String: Tensor]) async throws -> [(String, Tensor)] {
        guard let function = try model.loadFunction(named: name) else {
            throw Failure(domain: "coreai", code: "function", message: "the model has no function \(name)")
        }
        let descriptor = function.descriptor
        var given: [String: NDArray] = [:]
        for (input, tensor) in inputs {
            guard case .ndArray(let kind)? = descriptor.inputDescriptor(of: input) else {
                throw Failure(domain: "coreai", code: "input", message: "the model has no input \(input)")
            }
            var array = NDArray(descriptor: kind.resolvingDynamicDimensions(tensor.shape))
            try fill(&array, with: tensor, name: input)
            given[input] = array
        }
        let order = descriptor.stateNames.filter { states[$0] != nil }
        var arrays: [String: NDArray] = [:]
        for state in order {
            guard case .ndArray(let kind)? = descriptor.stateDescriptor(of: state), let tensor = states[state] else {
                throw Failure(domain: "coreai", code: "state", message: "the model has no state \(state)")
            }
            var array = NDArray(descriptor: kind.resolvingDynamicDimensions(tensor.shape))
            try fill(&array, with: tensor, name: state)
            arrays[state] = array
        }
        var outputs = try await run(function, given, order[...], &arrays, InferenceFunction.MutableViews())
        for state in order {
            if let array = arrays[state] {
                states[state] = try read(array)
            }
        }
        var told: [(String, Tensor)] = []
        for output in descriptor.outputNames {
            guard let array = outputs.remove(output)?.ndArray else {
                throw Failure(domain: "coreai", code: "output", message: "\(output) is no array")
            }
            told.append((output, try read(array)))
        }
        return told
    }

    /// Views borrow what they show for as long as they live, so each state is a variable of a level of its own.
    private func run(
        _ function: InferenceFunction, _ inputs: [String: NDArray], _ names: ArraySlice<String>,
        _ states: inout [String: NDArray], _ views: consuming InferenceFunction.MutableViews
    ) async throws -> InferenceFunction.Outputs {
        guard let name = names.first, var array = states[name] else {
            return try await function.run(inputs: inputs, states: views)
        }
        var more = views
        more.insert(&array, for: name)
        let outputs = try await run(function, inputs, names.dropFirst(), &states, more)
        states[name] = array
        return outputs
    }

    private func dtype(of array: NDArray) throws -> String {
        switch array.scalarType {
        case .float32: return "float32"
        case .float16: return "float16"
        case .int32: return "int32"
        case .int16: return "int16"
        case .int8: return "int8"
        case .uint32: return "uint32"
        case .uint16: return "uint16"
        case .uint8: return "uint8"
        default: throw Failure(domain: "host", code: "dtype", message: "\(array.scalarType) is not known to this app")
        }
    }

    private static func contiguous(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for index in stride(from: shape.count - 2, through: 0, by: -1) {
            strides[index] = strides[index + 1] * shape[index + 1]
        }
        return strides
    }

    /// Both ways the elements lie one after the other here; an array that lies otherwise is refused rather than misread.
    private func fill(_ array: inout NDArray, with tensor: Tensor, name: String) throws {
        let wanted = try dtype(of: array)
        guard wanted == tensor.dtype else {
            throw Failure(domain: "coreai", code: "dtype", message: "\(name) is \(wanted), and \(tensor.dtype) was given")
        }
        try array.mutableRawView().withUnsafeMutableBytes { pointer, shape, strides in
            let sizes = (0..<shape.count).map { shape[$0] }
            guard (0..<strides.count).map({ strides[$0] }) == CoreAIModel.contiguous(sizes), pointer.count >= tensor.bytes.count
            else {
                throw Failure(domain: "host", code: "strides", message: "\(name) has gaps between its elements")
            }
            tensor.bytes.copyBytes(to: pointer)
        }
    }

    private func read(_ array: NDArray) throws -> Tensor {
        let dtype = try dtype(of: array)
        return try array.rawView().withUnsafeBytes { pointer, shape, strides in
            let sizes = (0..<shape.count).map { shape[$0] }
            guard (0..<strides.count).map({ strides[$0] }) == CoreAIModel.contiguous(sizes) else {
                throw Failure(domain: "host", code: "strides", message: "an output has gaps between its elements")
            }
            let count = (Tensor.sizes[dtype] ?? 1) * sizes.reduce(1, *)
            return Tensor(dtype: dtype, shape: sizes, bytes: Data(pointer.prefix(count)))
        }
    }
}
#else
final class CoreAIModel {
    init(_ asset: URL, device: String) async throws {
        throw Failure(domain: "host", code: "no-coreai", message: "this app was built without Core AI: iOS 27 has it")
    }

    func call(_ name: String, inputs: [String: Tensor], states: inout [String: Tensor]) async throws -> [(String, Tensor)] {
        []
    }
}
#endif
