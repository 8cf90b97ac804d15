package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Architecture.Ghosts;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What one context should read from its vector registers: per word of a Z register whether it wrote it at all (zero
 * before that), and whether zero is allowed too because the vector length was below it since.
 */
final class ZGhost {
    private static final long MAYBE_ZERO = 1L << 32;
    private final long owner;
    private final int rows;
    private final Words words;
    private final Ghosts ghosts;

    /** @param owner makes the values of this context differ from every other's */
    ZGhost(Region region, int owner, int zStride, Ghosts ghosts) {
        this(region, owner, 32, zStride, ghosts);
    }

    /** The same for {@code rows} rows of ZA, or ZT0 as one row. */
    ZGhost(Region region, int owner, int rows, int zStride, Ghosts ghosts) {
        this.rows = rows;
        this.ghosts = ghosts;
        this.owner = (long) owner << Ghosts.OWNER;
        this.words = region.words("ghostZ", zStride);
    }

    /** Value of word {@code i} of register {@code n} that is {@code write}, NEW or OLD; 0 before the first. */
    private long value(long write, int n, int i) {
        return write == 0 ? 0 : owner | write << Ghosts.NUMBER | (long) n << 16 | i;
    }

    private void retire(int upTo) {
        ghosts.retire((int) (owner >>> Ghosts.OWNER), 0, upTo);
    }

    /** New values in all bits up to {@code vq} quadwords. */
    void writes(Words z, int stride, int vq) {
        retire(2 * vq);
        for (int n = 0; n < rows; n++) for (int i = 0; i < 2 * vq; i++) z.set(n * stride + i, value(Ghosts.NEW, n, i));
        for (int i = 0; i < 2 * vq; i++) words.set(i, Ghosts.NEW);
    }

    /** New values in the V registers only: above them zeroes. */
    void writesV(Words z, int stride, int vq) {
        retire(2 * vq);
        for (int n = 0; n < rows; n++)
            for (int i = 0; i < 2 * vq; i++) z.set(n * stride + i, i < 2 ? value(Ghosts.NEW, n, i) : 0);
        for (int i = 0; i < 2 * vq; i++) words.set(i, i < 2 ? Ghosts.NEW : 0);
    }

    /** All registers are zero from here on. */
    void zeroes() {
        retire(words.length());
        for (int i = 0; i < words.length(); i++) words.set(i, 0);
    }

    /** From here on what lies above {@code vq} may be zero. */
    void mayDropAbove(int vq) {
        for (int i = 2 * vq; i < words.length(); i++) if (words.get(i) != 0) words.set(i, words.get(i) | MAYBE_ZERO);
    }

    /** The first register that does not hold what it may, up to {@code vq}; null when all do. */
    @Nullable
    String wrong(Words z, int stride, int vq) {
        return ghosts.wrong(z, () -> wrong(z::get, stride, vq));
    }

    @Nullable
    String wrong(long[] z, int stride, int vq) {
        return wrong(i -> z[i], stride, vq);
    }

    /** As {@link #wrong}, for registers of which only V is live. */
    @Nullable
    String wrongWithZeroesAboveV(Words z, int stride, int vq) {
        return ghosts.wrong(z, () -> wrong(i -> i % stride < 2 ? z.get(i) : 0, stride, vq));
    }

    private String whose(long is) {
        return is == 0 || (is & 0xffL << 56) == owner
                ? "an older value of its own"
                : "what another wrote: 0x" + Long.toHexString(is);
    }

    private @Nullable String wrong(IntToLongFunction z, int stride, int vq) {
        for (int n = 0; n < rows; n++)
            for (int i = 0; i < 2 * vq; i++) {
                long is = z.applyAsLong(n * stride + i), w = words.get(i);
                if (is == value(w & ~MAYBE_ZERO, n, i) || is == 0 && (w & MAYBE_ZERO) != 0) continue;
                return "z" + n + " bits " + (64 * i + 63) + ":" + 64 * i + " hold " + whose(is);
            }
        return null;
    }
}
