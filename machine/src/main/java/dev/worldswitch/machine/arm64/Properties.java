package dev.worldswitch.machine.arm64;

import dev.worldswitch.machine.MachineProfile;
import java.util.Map;

/**
 * What the properties after a machine's name change, named as QEMU's -cpu properties where it has them:
 * {@code sve=off}, {@code sve-max-vq=N}, {@code sveBITS=on|off}; ours: {@code nvhe},
 * {@code vhe}, {@code gic-version=2|3}, {@code gicv=on|off}, {@code spe=on|off}, {@code spe-ahead=on|off}, {@code fpmr=on|off},
 * {@code mops=on|off}, {@code pauth=qarma5|qarma3} (with FEAT_FPACCOMBINE), {@code nv=on|off}, {@code sme2=on|off},
 * {@code sme-max-vq=N}, {@code cpus-without-spe=MASK}, {@code cpus-with-spe-of-el3=MASK}, and
 * {@code page-size=4K|16K|64K} of the kernel on it.
 */
final class Properties {
    private final String machine;
    private int vqs, smeMaxVq;
    private boolean vhe;
    private boolean spe, speAhead, fpmr, mops, sme2, nv, gicv;
    private int cpusWithoutSpe, cpusWithSpeOfEl3, gicVersion, pageShift;
    private Cipher cipher = Cipher.OWN;

    Properties(MachineProfile source, int implemented) {
        this.machine = source.name();
        this.vqs = implemented;
        this.vhe = source.number("vhe", 1) != 0;
        this.spe = source.number("spe", 0) != 0;
        this.gicVersion = (int) source.number("gic", 3);
        this.pageShift = 12;
        this.gicv = source.number("gicv", 0) != 0;
        for (Map.Entry<String, String> p : source.properties().entrySet())
            apply(source, p.getKey(), p.getValue(), implemented);
    }

    int vqs() {
        return vqs;
    }

    boolean vhe() {
        return vhe;
    }

    boolean spe() {
        return spe;
    }

    int gicVersion() {
        return gicVersion;
    }

    boolean gicv() {
        return gicv || gicVersion == 2;
    }

    int pageShift() {
        return pageShift;
    }

    private int shift(String size) {
        return switch (size) {
            case "4K" -> 12;
            case "16K" -> 14;
            case "64K" -> 16;
            default -> throw bad("page-size is 4K, 16K or 64K");
        };
    }

    boolean speAhead() {
        return speAhead;
    }

    boolean fpmr() {
        return fpmr;
    }

    /** Which cipher pointer authentication uses: the machine's own, or that of ID_AA64ISAR1_EL1.APA or ID_AA64ISAR2_EL1.APA3. */
    enum Cipher {
        OWN,
        QARMA5,
        QARMA3
    }

    Cipher cipher() {
        return cipher;
    }

    private Cipher cipher(String name) {
        return switch (name) {
            case "qarma5" -> Cipher.QARMA5;
            case "qarma3" -> Cipher.QARMA3;
            default -> throw bad("pauth is qarma5 or qarma3");
        };
    }

    boolean mops() {
        return mops;
    }

    /** Hypervisors may be guests. */
    boolean nv() {
        return nv;
    }

    boolean sme2() {
        return sme2;
    }

    /** The largest streaming vector length in quadwords, 0 where it is that of SVE. */
    int smeMaxVq() {
        return smeMaxVq;
    }

    /** Bit per CPU that lacks SPE although the machine has it. */
    int cpusWithoutSpe() {
        return cpusWithoutSpe;
    }

    /** Bit per CPU whose profiling buffer firmware keeps. */
    int cpusWithSpeOfEl3() {
        return cpusWithSpeOfEl3;
    }

    private void apply(MachineProfile source, String key, String value, int implemented) {
        switch (key) {
            case "nvhe" -> vhe = !on(key, value);
            case "vhe" -> vhe = on(key, value);
            case "spe" -> {
                if (on(key, value) && source.number("spe", 0) == 0) throw bad("has no SPE to turn on");
                spe = on(key, value);
            }
            case "sve" -> {
                if (!on(key, value)) vqs = 0;
                else if (implemented == 0) throw bad("has no SVE to turn on");
            }
            case "gic-version" -> {
                gicVersion = number(key, value);
                if (gicVersion != 2 && gicVersion != 3) throw bad("gic-version is 2 or 3");
            }
            case "page-size" -> pageShift = shift(value);
            case "gicv" -> gicv = on(key, value);
            case "spe-ahead" -> speAhead = on(key, value);
            case "fpmr" -> fpmr = on(key, value);
            case "mops" -> mops = on(key, value);
            case "pauth" -> cipher = cipher(value);
            case "nv" -> nv = on(key, value);
            case "sme2" -> sme2 = on(key, value);
            case "sme-max-vq" -> {
                smeMaxVq = number(key, value);
                if (smeMaxVq < 1 || smeMaxVq > 16 || Integer.bitCount(smeMaxVq) != 1)
                    throw bad("sme-max-vq is 1, 2, 4, 8 or 16");
            }
            case "cpus-without-spe" -> cpusWithoutSpe = number(key, value);
            case "cpus-with-spe-of-el3" -> cpusWithSpeOfEl3 = number(key, value);
            case "sve-max-vq" -> {
                int vq = number(key, value);
                if (vq < 1 || vq > 16) throw bad("sve-max-vq is from 1 to 16");
                vqs &= (1 << vq) - 1;
                if (vqs >>> vq - 1 == 0) throw bad("does not implement a vector length of " + vq + " quadwords");
            }
            default -> {
                if (!key.matches("sve[1-9][0-9]*"))
                    throw bad("property '" + key
                            + "' is not one of nvhe, vhe, gic-version, gicv, spe, spe-ahead, fpmr, mops, pauth, nv, sme2, sme-max-vq=N,"
                            + " cpus-without-spe, cpus-with-spe-of-el3, page-size, sve,"
                            + " sve-max-vq=N, sveBITS=on|off");
                length(key, value, number(key, key.substring(3)), implemented);
            }
        }
    }

    /** A power of two that is turned off takes all greater lengths with it, as the architecture demands. */
    private void length(String key, String value, int bits, int implemented) {
        if (bits % 128 != 0 || bits > 2048) throw bad(key + ": vector lengths are multiples of 128 up to 2048");
        int vq = bits / 128, bit = 1 << vq - 1;
        if (on(key, value)) {
            if ((implemented & bit) == 0) throw bad("does not implement " + key);
            vqs |= bit;
        } else vqs &= Integer.bitCount(vq) == 1 ? bit - 1 : ~bit;
    }

    private boolean on(String key, String value) {
        if (value.equals("on")) return true;
        if (value.equals("off")) return false;
        throw bad(key + " is on or off, not '" + value + "'");
    }

    private int number(String key, String value) {
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("machine " + machine + ": " + key + " is not a number: " + value, e);
        }
    }

    private IllegalArgumentException bad(String what) {
        return new IllegalArgumentException("machine " + machine + ": " + what);
    }
}
