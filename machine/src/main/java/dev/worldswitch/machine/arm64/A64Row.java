package dev.worldswitch.machine.arm64;

import org.jspecify.annotations.Nullable;

/**
 * One row of the operand table. {@code bits} is the encoding diagram of the Arm ARM, bit 31 first: {@code 0} and
 * {@code 1} are fixed, any other letter belongs to an operand, spaces are ignored. Among rows that fit a word the one
 * with most fixed bits is taken. {@code source} is the page of the Arm ARM.
 */
public record A64Row(String name, String bits, Feature feature, Maker maker, String source) {
    /** Makes the operation object of a word at {@code pc}; null where the encoding is unallocated. */
    public interface Maker {
        @Nullable
        A64Op make(int w, long pc);
    }

    /** Instructions of this row, by the features of the CPU. */
    public interface Table {
        java.util.List<A64Row> rows();
    }

    public int mask() {
        return bit('0') | bit('1');
    }

    public int value() {
        return bit('1');
    }

    private int bit(char which) {
        int r = 0, n = 0;
        for (char ch : bits.toCharArray()) {
            if (ch == ' ') continue;
            r = r << 1 | (ch == which ? 1 : 0);
            n++;
        }
        if (n != 32) throw new IllegalStateException("row " + name + ": " + n + " bits in '" + bits + "'");
        return r;
    }
}
