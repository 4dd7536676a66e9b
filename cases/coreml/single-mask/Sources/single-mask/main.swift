// Never compiled: it was written where there is no Swift.
//
// A client of Core ML that passes one attention mask, as libraries do that were written when models had one.
//
//     single-mask load MODEL UNIT             compiles and loads the model, and looks at what it takes
//     single-mask predict MODEL UNIT RUNS     does the same, and predicts RUNS times, with one state where the model has states
//
// MODEL is an .mlpackage, UNIT is cpu, gpu, ane or all. What it refuses it says on stderr, with exit status 1.
import CoreML
import Foundation

struct Refusal: Error, CustomStringConvertible {
    let description: String
}

let units: [String: MLComputeUnits] = ["cpu": .cpuOnly, "gpu": .cpuAndGPU, "ane": .cpuAndNeuralEngine, "all": .all]

func load(_ path: String, _ unit: String) async throws -> MLModel {
    guard let chosen = units[unit] else {
        throw Refusal(description: "there is no unit \(unit), only cpu, gpu, ane and all")
    }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = chosen
    let compiled = try await MLModel.compileModel(at: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(at: compiled) }
    return try await MLModel.load(contentsOf: compiled, configuration: configuration)
}

// The one mask that is passed; what the library knows of a model with more is that it cannot run it.
func checkMasks(of model: MLModel) throws {
    let masks = model.modelDescription.inputDescriptionsByName.keys.filter { $0.hasSuffix("Mask") }.sorted()
    if masks.count > 1 {
        throw Refusal(description: "the model takes \(masks.count) attention masks (\(masks.joined(separator: ", "))), and a single one is passed")
    }
}

func zeros(for input: MLFeatureDescription) throws -> MLFeatureValue {
    guard let constraint = input.multiArrayConstraint else {
        throw Refusal(description: "input \(input.name) is no array")
    }
    let array = try MLMultiArray(shape: constraint.shape, dataType: constraint.dataType)
    for index in 0..<array.count {
        array[index] = 0
    }
    return MLFeatureValue(multiArray: array)
}

func predict(_ model: MLModel, runs: Int) async throws {
    var features: [String: MLFeatureValue] = [:]
    for (name, input) in model.modelDescription.inputDescriptionsByName {
        features[name] = try zeros(for: input)
    }
    let provider = try MLDictionaryFeatureProvider(dictionary: features)
    let state = model.modelDescription.stateDescriptionsByName.isEmpty ? nil : model.makeState()
    for number in 1...max(runs, 1) {
        print("predict \(number)")
        fflush(stdout)
        if let state {
            _ = try await model.prediction(from: provider, using: state)
        } else {
            _ = try await model.prediction(from: provider)
        }
    }
    print("done")
}

func run(_ arguments: [String]) async throws {
    guard arguments.count >= 3, ["load", "predict"].contains(arguments[0]) else {
        throw Refusal(description: "usage: single-mask load MODEL UNIT | single-mask predict MODEL UNIT RUNS")
    }
    let model = try await load(arguments[1], arguments[2])
    try checkMasks(of: model)
    if arguments[0] == "predict" {
        try await predict(model, runs: arguments.count > 3 ? Int(arguments[3]) ?? 1 : 1)
    } else {
        print("loaded")
    }
}

do {
    try await run(Array(CommandLine.arguments.dropFirst()))
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
