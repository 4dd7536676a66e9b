// Where a file is not Swift, by tree-sitter's grammar: check-swift.js TOOLS FILE…
// TOOLS is the directory that scripts/check-swift.sh has filled.
"use strict";
const fs = require("fs");
const { createRequire } = require("module");
const path = require("path");

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

function main(tools, files) {
    const bring = createRequire(path.join(path.resolve(tools), "package.json"));
    const Parser = bring("tree-sitter");
    const parser = new Parser();
    parser.setLanguage(bring("tree-sitter-swift"));
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

process.exit(main(process.argv[2], process.argv.slice(3)));
