"""What the stand-ins for Core AI's packages share: operators, programs, and the native code that they die in."""
