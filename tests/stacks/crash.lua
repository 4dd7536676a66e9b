local ffi = require("ffi")
ffi.cdef("int library_entry(int n);")
local function middle(library, n)
    return library.library_entry(n + 1) + 1
end
middle(ffi.load(arg[1]), 1)
