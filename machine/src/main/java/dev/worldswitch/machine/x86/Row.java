package dev.worldswitch.machine.x86;

import java.util.EnumSet;
import java.util.Set;

/**
 * One row of the operand table. {@code encoding} is written as the SDM does: {@code "0F AF /r"}, {@code "F3 0F B8 /r"},
 * {@code "NP 0F 10 /r"}, {@code "80 /0"}, {@code "50+r"}, {@code "VEX.128.66.0F38.W0 5C /r"}, {@code "EVEX.66.0F.W1 58
 * /r"}; further words: {@code mem} or {@code reg} (mod), {@code d64} (64-bit operands without REX.W in 64-bit mode),
 * {@code n64} (not in 64-bit mode), {@code o64} (only there), {@code lock} (LOCK allowed), {@code m0}..{@code m7} (rm
 * field). {@code operands} uses the letters of SDM vol. 2 appendix A: {@code Eb,Gv,Iz,Jb,Ob,M,V,W}; it decides whether
 * there is a ModRM byte and which immediate follows. {@code needs}: the extensions without which the instruction is #UD.
 */
public record Row(String mnemonic, String encoding, String operands, Maker maker, String source, Set<Feature> needs) {
    Row(String mnemonic, String encoding, String operands, Maker maker, String source) {
        this(mnemonic, encoding, operands, maker, source, EnumSet.noneOf(Feature.class));
    }

    /** Makes the operation object of a decoded instruction; may answer one that raises an exception. */
    public interface Maker {
        Op make(Insn i);
    }
}
