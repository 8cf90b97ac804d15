package dev.worldswitch.machine.x86;

import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * FSIN, FCOS, FPTAN, FPATAN, F2XM1, FYL2X and FYL2XP1: computed to some 300 bits and rounded once, so that a result is the nearest
 * number where processors promise one within a unit of the last place (SDM vol. 1, 8.3.10). Angles
 * are reduced by the {@code pi} of 66 bits that 8.3.8 gives.
 */
final class X87Functions {
    /** Bits behind the point of what is computed with. */
    private static final int P = 512;
    /** Below two to this power the first term of a series is the result, but for the direction of its rounding. */
    private static final int TINY = -80;

    private static final BigInteger ONE = BigInteger.ONE.shiftLeft(P);
    static final BigInteger PI = arctangentOfInverse(5)
            .shiftLeft(4)
            .subtract(arctangentOfInverse(239).shiftLeft(2));
    /** What angles are reduced by: pi cut to 66 bits. */
    private static final BigInteger REDUCING = new BigInteger("c90fdaa22168c234c", 16).shiftLeft(P - 66);

    private static final BigInteger LN2 = twiceArtanh(ONE.divide(BigInteger.valueOf(3)));
    private static final int IE = 1, DE = 2, ZE = 4;

    private X87Functions() {}

    /** A number: {@code m * 2^e}; {@code m} may be negative. */
    private record Big(BigInteger m, int e) {
        Big negated() {
            return new Big(m.negate(), e);
        }
    }

    private static BigInteger arctangentOfInverse(int n) {
        BigInteger power = ONE.divide(BigInteger.valueOf(n)), sum = power, square = BigInteger.valueOf((long) n * n);
        for (int k = 3; power.signum() != 0; k += 2) {
            power = power.divide(square).negate();
            sum = sum.add(power.divide(BigInteger.valueOf(k)));
        }
        return sum;
    }

    private static BigInteger times(BigInteger a, BigInteger b) {
        return a.multiply(b).shiftRight(P);
    }

    /** ln((1 + z) / (1 - z)). */
    private static BigInteger twiceArtanh(BigInteger z) {
        BigInteger square = times(z, z), power = z, sum = z;
        for (int k = 3; power.abs().bitLength() > 1; k += 2) {
            power = times(power, square);
            sum = sum.add(power.divide(BigInteger.valueOf(k)));
        }
        return sum.shiftLeft(1);
    }

    private static BigInteger sine(BigInteger x, boolean cosine) {
        BigInteger square = times(x, x).negate(), term = cosine ? ONE : x, sum = term;
        for (int k = cosine ? 1 : 2; term.abs().bitLength() > 1; k += 2) {
            term = times(term, square).divide(BigInteger.valueOf((long) k * (k + 1)));
            sum = sum.add(term);
        }
        return sum;
    }

    /** Of 0 to 1. */
    private static BigInteger arctangent(BigInteger x) {
        int halvings = 8;
        for (int k = 0; k < halvings; k++)
            x = x.shiftLeft(P).divide(ONE.add(ONE.add(times(x, x)).shiftLeft(P).sqrt()));
        BigInteger square = times(x, x).negate(), power = x, sum = x;
        for (int k = 3; power.abs().bitLength() > 1; k += 2) {
            power = times(power, square);
            sum = sum.add(power.divide(BigInteger.valueOf(k)));
        }
        return sum.shiftLeft(halvings);
    }

    private static BigInteger exponentialLess1(BigInteger x) {
        BigInteger term = x, sum = x;
        for (int k = 2; term.abs().bitLength() > 1; k++) {
            term = times(term, x).divide(BigInteger.valueOf(k));
            sum = sum.add(term);
        }
        return sum;
    }

    // Values.

    private static Big big(X87Math.Value v) {
        BigInteger m = X87Math.mantissa(v);
        return new Big(X87Math.negative(v) ? m.negate() : m, X87Math.unit(v));
    }

    private static BigInteger fixed(Big v) {
        int s = v.e + P;
        return s >= 0 ? v.m.shiftLeft(s) : v.m.shiftRight(-s);
    }

    private static int magnitude(Big v) {
        return v.m.abs().bitLength() + v.e;
    }

    private static X87Math.Value rounded(Big v, int fcw, int flags) {
        return X87Math.round(v.m.signum() < 0, v.m.abs(), v.e, fcw | 0x300, flags);
    }

    private static X87Math.Value exact(boolean minus, long high, long low, int flags) {
        return new X87Math.Value(high | (minus ? 0x8000 : 0), low, flags, false);
    }

    private static X87Math.Value zero(boolean minus, int flags) {
        return exact(minus, 0, 0, flags);
    }

    private static X87Math.Value one(boolean minus, int flags) {
        return exact(minus, 16383, 1L << 63, flags);
    }

    private static X87Math.Value infinity(boolean minus, int flags) {
        return exact(minus, 0x7fff, 1L << 63, flags);
    }

    /** A little nearer to zero, or further from it, than {@code v}: what directed rounding must see. */
    private static Big beside(Big v, boolean above) {
        BigInteger m = v.m.shiftLeft(P);
        boolean add = above == m.signum() > 0;
        return new Big(add ? m.add(BigInteger.ONE) : m.subtract(BigInteger.ONE), v.e - P);
    }

    private static Big product(Big a, Big b) {
        return new Big(a.m.multiply(b.m), a.e + b.e);
    }

    // Angles.

    static final int SIN = 0, COS = 1, TAN = 2;

    /** True when the operand is too large for the trigonometric instructions: they set C2 and change nothing else. */
    static boolean isTooLarge(X87Math.Value v) {
        return !X87Math.isUnsupported(v) && X87Math.exponent(v) >= 16383 + 63 && X87Math.exponent(v) != 0x7fff;
    }

    static X87Math.Value trigonometric(int which, X87Math.Value v, int fcw) {
        X87Math.Value s = X87Math.special(v, v);
        if (s != null) return s;
        if (X87Math.isInfinite(v)) return X87Math.NAN;
        int de = X87Math.isDenormal(v) ? DE : 0;
        if (X87Math.isZero(v)) return which == COS ? one(false, 0) : v.with(0);
        Big x = big(v);
        if (magnitude(x) < TINY)
            return rounded(which == COS ? beside(new Big(BigInteger.ONE, 0), false) : beside(x, which == TAN), fcw, de);
        BigInteger f = fixed(x), half = REDUCING.shiftRight(1), quarter = REDUCING.shiftRight(2);
        // The nearest multiple of half of it.
        BigInteger n = f.abs().add(quarter).divide(half);
        BigInteger r = f.abs().subtract(n.multiply(half));
        int quadrant = n.intValue() & 3;
        boolean odd = (quadrant & 1) != 0;
        if (which == TAN) {
            BigInteger sin = sine(r, false), cos = sine(r, true);
            BigInteger t = (odd ? cos.negate() : sin).shiftLeft(P).divide(odd ? sin : cos);
            return rounded(new Big(f.signum() < 0 ? t.negate() : t, -P), fcw, de);
        }
        BigInteger y = sine(r, which == COS ? !odd : odd);
        boolean minus = which == COS ? quadrant == 1 || quadrant == 2 : quadrant >= 2 != f.signum() < 0;
        return rounded(new Big(minus ? y.negate() : y, -P), fcw, de);
    }

    /** The angle of the point {@code (x, y)}. */
    static X87Math.Value arctangent(X87Math.Value y, X87Math.Value x, int fcw) {
        X87Math.Value s = X87Math.special(y, x);
        if (s != null) return s;
        boolean minus = X87Math.negative(y), left = X87Math.negative(x);
        int de = X87Math.denormals(y, x);
        boolean yInf = X87Math.isInfinite(y), xInf = X87Math.isInfinite(x);
        if (yInf) return angle(minus, xInf ? left ? 3 : 1 : 2, fcw, de);
        if (X87Math.isZero(y) || xInf) return left ? angle(minus, 4, fcw, de) : zero(minus, de);
        if (X87Math.isZero(x)) return angle(minus, 2, fcw, de);
        Big a = big(y), b = big(x);
        BigInteger am = a.m.abs(), bm = b.m.abs();
        int apart = magnitude(a) - magnitude(b);
        if (apart < TINY && !left) {
            // Nearly the quotient.
            BigInteger q = am.shiftLeft(P).divide(bm);
            Big t = new Big(q, a.e - b.e - P);
            boolean whole = q.multiply(bm).equals(am.shiftLeft(P));
            if (whole) t = beside(t, false);
            return rounded(minus ? t.negated() : t, fcw, de);
        }
        int e = Math.clamp(a.e - b.e, -4 * P, 4 * P);
        boolean steep =
                apart > 0 || apart == 0 && am.shiftLeft(Math.max(e, 0)).compareTo(bm.shiftLeft(Math.max(-e, 0))) > 0;
        BigInteger up = steep ? bm : am, down = steep ? am : bm;
        int shift = steep ? -e : e;
        BigInteger ratio = shift + P >= 0 ? up.shiftLeft(shift + P).divide(down) : BigInteger.ZERO;
        BigInteger r = arctangent(ratio);
        if (steep) r = PI.shiftRight(1).subtract(r);
        if (left) r = PI.subtract(r);
        return rounded(new Big(minus ? r.negate() : r, -P), fcw, de);
    }

    /** So many quarters of pi. */
    private static X87Math.Value angle(boolean minus, int quarters, int fcw, int flags) {
        BigInteger r = PI.multiply(BigInteger.valueOf(quarters));
        return rounded(new Big(minus ? r.negate() : r, -P - 2), fcw, flags);
    }

    // Powers and logarithms of two.

    /** Two to the power of -1 to 1, less one; other operands, of which nothing is said, stay as they are. */
    static X87Math.Value powerLess1(X87Math.Value v, int fcw) {
        X87Math.Value s = X87Math.special(v, v);
        if (s != null) return s;
        if (X87Math.isInfinite(v)) return X87Math.negative(v) ? one(true, 0) : v.with(0);
        if (X87Math.isZero(v)) return v.with(0);
        int de = X87Math.isDenormal(v) ? DE : 0;
        Big x = big(v);
        if (magnitude(x) > 1 || magnitude(x) == 1 && v.low() << 1 != 0) return v.with(de);
        if (magnitude(x) == 1) return X87Math.negative(v) ? exact(true, 16382, 1L << 63, 0) : one(false, 0);
        if (magnitude(x) < TINY) return rounded(new Big(x.m.multiply(LN2), x.e - P), fcw, de);
        return rounded(new Big(exponentialLess1(times(fixed(x), LN2)), -P), fcw, de);
    }

    /** {@code y} times the logarithm of {@code x}. */
    static X87Math.Value logarithm(X87Math.Value y, X87Math.Value x, int fcw) {
        X87Math.Value s = X87Math.special(y, x);
        if (s != null) return s;
        boolean minus = X87Math.negative(y);
        int de = X87Math.denormals(y, x);
        if (X87Math.isZero(x)) {
            if (X87Math.isZero(y)) return X87Math.NAN;
            return infinity(!minus, X87Math.isInfinite(y) ? 0 : ZE);
        }
        if (X87Math.negative(x)) return X87Math.NAN;
        if (X87Math.isInfinite(x)) return X87Math.isZero(y) ? X87Math.NAN : infinity(minus, de);
        Big b = big(x);
        boolean below = magnitude(b) < 1, unit = x.high() == 16383 && x.low() == 1L << 63;
        X87Math.Value simple = scaled(y, below, unit, de);
        if (simple != null) return simple;
        int e = magnitude(b) - 1;
        // A significand near two counts from there, so that small logarithms keep their digits.
        BigInteger m = b.m.shiftLeft(P - b.m.bitLength() + 1);
        if (m.compareTo(ONE.add(ONE.shiftRight(1))) > 0) {
            m = m.shiftRight(1);
            e++;
        }
        BigInteger ln = twiceArtanh(m.subtract(ONE).shiftLeft(P).divide(m.add(ONE)));
        BigInteger log = BigInteger.valueOf(e).shiftLeft(P).add(ln.shiftLeft(P).divide(LN2));
        return rounded(product(big(y), new Big(log, -P)), fcw, de);
    }

    /** {@code y} times the logarithm of {@code 1 + x}. */
    static X87Math.Value logarithmOf1Plus(X87Math.Value y, X87Math.Value x, int fcw) {
        X87Math.Value s = X87Math.special(y, x);
        if (s != null) return s;
        int de = X87Math.denormals(y, x);
        boolean below = X87Math.negative(x);
        if (X87Math.isZero(x)) return X87Math.isInfinite(y) ? X87Math.NAN : zero(X87Math.negative(y) != below, de);
        Big b = big(x);
        // From -1 on downwards there is no logarithm.
        if (below && (X87Math.isInfinite(x) || magnitude(b) >= 1)) return X87Math.NAN;
        if (X87Math.isInfinite(x)) return X87Math.isZero(y) ? X87Math.NAN : infinity(X87Math.negative(y), de);
        X87Math.Value simple = scaled(y, below, false, de);
        if (simple != null) return simple;
        Big a = big(y);
        if (magnitude(b) < TINY)
            return rounded(new Big(product(a, b).m.shiftLeft(2 * P).divide(LN2), a.e + b.e - P), fcw, de);
        if (magnitude(b) > 64) return logarithm(y, X87Math.round(false, b.m, b.e, fcw | 0x300, 0), fcw);
        BigInteger z = fixed(b), m = ONE.add(z);
        int e = 0;
        BigInteger ln;
        if (magnitude(b) <= -1) ln = twiceArtanh(z.shiftLeft(P).divide(m.add(ONE)));
        else {
            e = m.bitLength() - 1 - P;
            m = e >= 0 ? m.shiftRight(e) : m.shiftLeft(-e);
            ln = twiceArtanh(m.subtract(ONE).shiftLeft(P).divide(m.add(ONE)));
        }
        BigInteger log = BigInteger.valueOf(e).shiftLeft(P).add(ln.shiftLeft(P).divide(LN2));
        return rounded(product(a, new Big(log, -P)), fcw, de);
    }

    /** The product of zero or infinity with a logarithm that is negative when {@code below}; null for other factors. */
    private static X87Math.@Nullable Value scaled(X87Math.Value y, boolean below, boolean isZero, int de) {
        boolean minus = X87Math.negative(y);
        if (X87Math.isInfinite(y)) return isZero ? X87Math.NAN : infinity(minus != below, de);
        if (isZero) return zero(minus, de);
        return X87Math.isZero(y) ? zero(minus != below, de) : null;
    }
}
