// Never compiled: it was written where there is no Swift, and only its syntax is checked (scripts/check-swift.sh).
//
// One trial: the models are loaded and specialised (load, compile), then called as calls.json says (execute).
import Foundation

struct Call: Decodable {
    struct Input: Decodable {
        let name: String
        let dtype: String
        let shape: [Int]
        let npy: String
    }
    struct State: Decodable {
        let name: String
        let dtype: String
        let shape: [Int]
    }
    let asset: String
    let function: String
    let inputs: [Input]
    let state: [State]
    let feed: [String: String]
}

struct Calls: Decodable {
    let calls: [Call]
}

struct Request: Decodable {
    let device: String
    let model: String
    let calls: String
    let outputs: String?
}

enum Trial {
    static let version = "1.0"
    static let devices = ["default", "cpu", "gpu", "ane"]

    static func description() -> [String: Any] {
        [
            "name": "coreai", "version": version, "protocol": 1, "serve": false, "axes": [String](),
            "devices": devices.map { ["name": $0, "usable": true, "why": ""] as [String: Any] },
        ]
    }

    /// What devicectl copies lies below the home of the app.
    private static func place(_ path: String) -> URL {
        URL(fileURLWithPath: NSHomeDirectory()).appendingPathComponent(path)
    }

    static func run(_ text: String) async {
        do {
            let request = try JSONDecoder().decode(Request.self, from: Data(text.utf8))
            Console.phase("load")
            clean(keeping: request)
            let directory = place(request.calls)
            let file = directory.appendingPathComponent("calls.json")
            let calls = try JSONDecoder().decode(Calls.self, from: Data(contentsOf: file)).calls
            let outputs = try await execute(calls, request: request, inputs: directory)
            Console.phase("check")
            Console.send(["result": try result(outputs, request: request)])
        } catch let failure as Failure {
            Console.error(domain: failure.domain, code: failure.code, message: failure.message)
        } catch {
            let known = error as NSError  // also an error of Swift is one: its domain is the name of its type
            Console.error(domain: known.domain, code: String(known.code), message: String(describing: error))
        }
    }

    /// Models of earlier trials would fill the device: nobody else can remove them.
    private static func clean(keeping request: Request) {
        let files = FileManager.default
        let kept = place(request.model).deletingLastPathComponent().lastPathComponent
        let all = place(request.model).deletingLastPathComponent().deletingLastPathComponent()
        for name in (try? files.contentsOfDirectory(atPath: all.path)) ?? [] where name != kept && name != "calls" {
            try? files.removeItem(at: all.appendingPathComponent(name))
        }
    }

    private static func execute(_ calls: [Call], request: Request, inputs: URL) async throws -> [[(String, Tensor)]] {
        Console.phase("compile")
        var models: [String: CoreAIModel] = [:]
        for call in calls where models[call.asset] == nil {
            let asset = call.asset.isEmpty ? place(request.model) : place(request.model).appendingPathComponent(call.asset)
            models[call.asset] = try await CoreAIModel(asset, device: request.device)
        }
        Console.phase("execute")
        var states: [String: Tensor] = [:]
        var before: [String: Tensor] = [:]
        var outputs: [[(String, Tensor)]] = []
        for call in calls {
            var given: [String: Tensor] = [:]
            for input in call.inputs {
                given[input.name] = try Tensor.read(
                    inputs.appendingPathComponent(input.npy), dtype: input.dtype, shape: input.shape)
            }
            for (input, output) in call.feed {
                given[input] = before[output]
            }
            for state in call.state where states[state.name] == nil {
                states[state.name] = try Tensor.zeros(dtype: state.dtype, shape: state.shape)
            }
            var used = states.filter { name, _ in call.state.contains { $0.name == name } }
            let told = try await models[call.asset]!.call(call.function, inputs: given, states: &used)
            states.merge(used) { $1 }
            for (name, tensor) in told {
                before[name] = tensor
            }
            outputs.append(told)
        }
        return outputs
    }

    private static func result(_ outputs: [[(String, Tensor)]], request: Request) throws -> [String: Any] {
        var told: [[String: Any]] = []
        let directory = request.outputs.map(place)
        if let directory {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        }
        for (number, values) in outputs.enumerated() {
            for (name, tensor) in values {
                let npy = directory == nil ? nil : "\(told.count).npy"
                if let directory, let npy {
                    try tensor.write(directory.appendingPathComponent(npy))
                }
                told.append(tensor.described(name: outputs.count == 1 ? name : "\(name).\(number)", npy: npy))
            }
        }
        return [
            "outputs": told, "requested": request.device,
            "versions": [
                "os": Console.system("kern.osproductversion"), "os_build": Console.system("kern.osversion"),
                "hw.machine": Console.system("hw.machine"), "host": version,
            ],
        ]
    }
}
