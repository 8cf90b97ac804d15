package dev.worldswitch.machine.x86;

import dev.worldswitch.machine.translate.Translation;

/**
 * A translated region. {@link #run} goes on until RIP leaves it; all registers, flags and RIP are in the interpreter then.
 * When an instruction can't be completed in the usual way it throws {@link Signal#CAREFUL} with the state before that
 * instruction: the interpreter runs it again, so that faults, exits and traps have one meaning.
 */
abstract class Translated extends Translation<Block> {
    abstract void run(Interpreter m);
}
