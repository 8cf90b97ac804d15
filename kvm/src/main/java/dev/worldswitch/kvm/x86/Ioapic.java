package dev.worldswitch.kvm.x86;

import dev.worldswitch.machine.cell.Words;

/** The IOAPIC's two registers in guest memory and the table behind them (82093AA datasheet; arch/x86/kvm/ioapic.c). */
final class Ioapic {
    private static final int SIZE = 0x100, PINS = 24, VERSION = 0x11;
    private static final int SELECT = 0, WINDOW = 0x10;
    /** struct kvm_ioapic_state in 8-byte words: base; select and id; irr; redirection table. */
    private static final int BASE = 0, SELECT_ID = 1, TABLE = 3;
    /** Delivery status and remote IRR of an entry are the IOAPIC's own. */
    private static final long READ_ONLY = 1 << 12 | 1 << 14;

    private static final long LEVEL = 1 << 15, REMOTE_IRR = 1 << 14;

    private final Words chips;
    private final int at;

    /** Its state is in {@code chips} from word {@code at} on. */
    Ioapic(Words chips, int at) {
        this.chips = chips;
        this.at = at;
    }

    boolean owns(long gpa) {
        long base = chips.get(at + BASE);
        return base != 0 && gpa >= base && gpa < base + SIZE;
    }

    private int select() {
        return (int) chips.get(at + SELECT_ID) & 0xff;
    }

    long read(long gpa) {
        return switch ((int) gpa & 0xff) {
            case SELECT -> select();
            case WINDOW -> register(select());
            default -> 0;
        };
    }

    private long register(int n) {
        if (n == 1) return PINS - 1 << 16 | VERSION;
        if (n == 0 || n == 2) return (chips.get(at + SELECT_ID) >>> 32 & 0xf) << 24;
        int pin = n - 0x10 >> 1;
        long entry = n < 0x10 || pin >= PINS ? -1 : chips.get(at + TABLE + pin);
        return (n & 1) != 0 ? entry >>> 32 : entry & 0xffffffffL;
    }

    void write(long gpa, int size, long data) {
        long v = data & (size >= 4 ? 0xffffffffL : (1L << 8 * size) - 1);
        switch ((int) gpa & 0xff) {
            case SELECT -> chips.set(at + SELECT_ID, chips.get(at + SELECT_ID) & ~0xffffffffL | v & 0xff);
            case WINDOW -> register(select(), v);
            default -> {}
        }
    }

    private void register(int n, long v) {
        if (n == 0) {
            chips.set(at + SELECT_ID, chips.get(at + SELECT_ID) & 0xffffffffL | (v >>> 24 & 0xf) << 32);
            return;
        }
        int pin = n - 0x10 >> 1;
        if (n < 0x10 || pin >= PINS) return;
        long old = chips.get(at + TABLE + pin);
        long entry = (n & 1) != 0 ? old & 0xffffffffL | v << 32 : old & ~0xffffffffL | v & ~READ_ONLY | old & READ_ONLY;
        // Configuring an edge-triggered entry clears remote IRR, which operating systems use as an explicit EOI.
        if ((entry & LEVEL) == 0) entry &= ~REMOTE_IRR;
        chips.set(at + TABLE + pin, entry);
    }
}
