-- What a maintainer asks of the machine and of the place where a process died.

-- The processor as the system tells of it: family, model, stepping, instruction sets, what it runs in; a JSON object. No part
-- of the machine's id: a machine that was known before keeps its own.
ALTER TABLE machine ADD COLUMN processor TEXT;

-- At a fault of the processor: {"arch", "pc" (signed), "code" (hexadecimal bytes), "instruction", "did"}.
ALTER TABLE capture ADD COLUMN fault TEXT;
