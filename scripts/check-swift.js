// Where a file is not Swift, by tree-sitter's grammar: check-swift.js TOOLS FILE…
// TOOLS is the directory that scripts/check-swift.sh has filled.
"use strict";
const fs = require("fs");
const path = require("path");

/** The grammar as WebAssembly, wherever its package keeps it. */
function grammar(modules) {
    for (const name of ["tree-sitter-swift", "tree-sitter-wasms"]) {
        for (const below of ["", "out"]) {
            const file = path.join(modules, name, below, "tree-sitter-swift.wasm");
            if (fs.existsSync(file))
                return file;
        }
    }
    throw new Error("there is no tree-sitter-swift.wasm in " + modules);
}

/** The innermost nodes that are wrong: what was not understood, and what is missing. */
function mistakes(node, found) {
    const wrong = node.isError || node.isMissing;
    const before = found.length;
    if (wrong || node.hasError)
        for (let i = 0; i < node.childCount; i++)
            mistakes(node.child(i), found);
    if (wrong && found.length === before)
        found.push(node);
    return found;
}

async function main(tools, files) {
    const modules = path.join(tools, "node_modules");
    const { Parser, Language } = require(path.join(modules, "web-tree-sitter"));
    await Parser.init();
    const parser = new Parser();
    parser.setLanguage(await Language.load(grammar(modules)));
    let wrong = 0;
    for (const file of files) {
        const text = fs.readFileSync(file, "utf8");
        for (const node of mistakes(parser.parse(text).rootNode, [])) {
            const { row, column } = node.startPosition;
            const what = node.isMissing ? `${node.type} is missing` : `not understood: ${JSON.stringify(node.text.slice(0, 60))}`;
            console.log(`${file}:${row + 1}:${column + 1}: ${what}`);
            wrong++;
        }
        if (!text.includes("Never compiled")) {
            console.log(`${file}:1:1: it does not say that it was never compiled`);
            wrong++;
        }
    }
    console.log(`swift: ${files.length} files, ${wrong} mistakes (their syntax only; nothing was compiled)`);
    return wrong ? 1 : 0;
}

main(process.argv[2], process.argv.slice(3)).then(
    (status) => process.exit(status),
    (error) => {
        console.error("check-swift: " + error.message);
        process.exit(2);
    });
