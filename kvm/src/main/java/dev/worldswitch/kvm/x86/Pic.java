package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/** The two 8259A interrupt controllers (8259A datasheet; arch/x86/kvm/i8259.c), state as struct kvm_pic_state. */
final class Pic {
    /** Offsets in struct kvm_pic_state. */
    private static final int LAST_IRR = 0, IRR = 1, IMR = 2, ISR = 3, PRIORITY_ADD = 4, IRQ_BASE = 5, READ_ISR = 6;

    private static final int POLL = 7, SPECIAL_MASK = 8, INIT_STATE = 9, AUTO_EOI = 10, ROTATE_ON_AUTO_EOI = 11;
    private static final int FULLY_NESTED = 12, INIT4 = 13, ELCR = 14, ELCR_MASK = 15;

    /** Bits of the first and third command words (ICW1, OCW3), and the end of polling by the slave. */
    private static final int ICW1 = 0x10, OCW3 = 8, CASCADE = 2;

    private final Irqchip chips;
    private final Mutex lock;
    private final Packed[] pics;
    private final Word output;

    Pic(Region region, Irqchip chips, Words words) {
        this.chips = chips;
        this.lock = new Mutex(region, "picLock");
        this.pics = new Packed[] {new Packed(words, 0), new Packed(words, 64)};
        this.output = region.word("picOutput");
    }

    void powerUp() {
        pics[0].u8(ELCR_MASK, 0xf8);
        pics[1].u8(ELCR_MASK, 0xde);
    }

    /** An interrupt waits for a CPU that listens to the PIC. */
    boolean hasInterrupt() {
        return output.acquire() != 0;
    }

    /** kvm_pic_set_irq; the level is that of all sources of the pin: 1 requested, 0 was pending already, -1 masked. */
    int setIrq(int pin, boolean level) {
        lock.lock();
        Packed s = pics[pin >> 3];
        int r = set(s, pin & 7, level);
        boolean wake = update();
        Trace t = chips.trace();
        if (t != null) t.kvmPicSetIrq(chips.vm(), pin >> 3, pin & 7, s.u8(ELCR), s.u8(IMR), r == 0);
        lock.unlock();
        wake(wake);
        return r;
    }

    /** kvm_pic_update_irq: after the state was set from outside. */
    void stateSet() {
        lock.lock();
        boolean wake = update();
        lock.unlock();
        wake(wake);
    }

    private void wake(boolean needed) {
        if (needed) chips.wakePicListener();
    }

    private static int set(Packed s, int pin, boolean level) {
        int mask = 1 << pin, r = 1, irr = s.u8(IRR), last = s.u8(LAST_IRR);
        boolean request = level && ((s.u8(ELCR) & mask) != 0 || (last & mask) == 0);
        if (request) {
            r = (irr & mask) == 0 ? 1 : 0;
            s.u8(IRR, irr | mask);
        } else if (!level && (s.u8(ELCR) & mask) != 0) {
            s.u8(IRR, irr & ~mask);
        }
        s.u8(LAST_IRR, level ? last | mask : last & ~mask);
        return (s.u8(IMR) & mask) != 0 ? -1 : r;
    }

    private static int priority(Packed s, int mask) {
        if (mask == 0) return 8;
        int p = 0;
        while ((mask & 1 << (p + s.u8(PRIORITY_ADD) & 7)) == 0) p++;
        return p;
    }

    /** pic_get_irq: the pin to serve next, -1 for none. */
    private int next(Packed s) {
        int p = priority(s, s.u8(IRR) & ~s.u8(IMR));
        if (p == 8) return -1;
        int inService = s.u8(ISR);
        // In special fully nested mode what the slave has in service does not hold back its other pins.
        if (s.u8(FULLY_NESTED) != 0 && s == pics[0]) inService &= ~(1 << CASCADE);
        return p < priority(s, inService) ? p + s.u8(PRIORITY_ADD) & 7 : -1;
    }

    /** pic_update_irq; true when the output has risen. */
    private boolean update() {
        if (next(pics[1]) >= 0) {
            set(pics[0], CASCADE, true);
            set(pics[0], CASCADE, false);
        }
        boolean on = next(pics[0]) >= 0, was = output.get() != 0;
        output.release(on ? 1 : 0);
        return on && !was;
    }

    /** pic_clear_isr: those who wait for the end of this interrupt hear of it without the lock, as they may come back. */
    private void endOf(Packed s, int pin) {
        s.u8(ISR, s.u8(ISR) & ~(1 << pin));
        lock.unlock();
        chips.acked(s == pics[0] ? 0 : 1, pin);
        lock.lock();
    }

    private void acknowledge(Packed s, int pin) {
        s.u8(ISR, s.u8(ISR) | 1 << pin);
        if ((s.u8(ELCR) & 1 << pin) == 0) s.u8(IRR, s.u8(IRR) & ~(1 << pin));
        if (s.u8(AUTO_EOI) == 0) return;
        if (s.u8(ROTATE_ON_AUTO_EOI) != 0) s.u8(PRIORITY_ADD, pin + 1 & 7);
        endOf(s, pin);
    }

    /** kvm_pic_read_irq: the CPU's acknowledge cycle; pin 7 when the request has gone meanwhile. */
    int readIrq() {
        lock.lock();
        output.set(0);
        Packed of = pics[0];
        int pin = next(of);
        if (pin < 0) pin = 7;
        else {
            acknowledge(of, pin);
            if (pin == CASCADE) {
                of = pics[1];
                pin = next(of);
                if (pin >= 0) acknowledge(of, pin);
                else pin = 7;
            }
        }
        int vector = of.u8(IRQ_BASE) + pin;
        boolean wake = update();
        lock.unlock();
        wake(wake);
        return vector;
    }

    static boolean owns(int port, int size) {
        return within(port, size, 0x20) || within(port, size, 0xa0) || within(port, size, 0x4d0);
    }

    private static boolean within(int port, int size, int base) {
        return port >= base && port + size <= base + 2;
    }

    /** picdev_write: bytes only. */
    void write(int port, int size, int value) {
        if (size != 1) return;
        lock.lock();
        Packed s = pics[port >= 0x4d0 ? port & 1 : port >> 7];
        boolean wake = false;
        if (port >= 0x4d0) s.u8(ELCR, value & s.u8(ELCR_MASK));
        else if ((port & 1) == 0) wake = command(s, value);
        else wake = data(s, value);
        lock.unlock();
        wake(wake);
    }

    int read(int port, int size) {
        if (size != 1) return 0;
        lock.lock();
        Packed s = pics[port >= 0x4d0 ? port & 1 : port >> 7];
        boolean wake = false;
        int value;
        if (port >= 0x4d0) value = s.u8(ELCR);
        else if (s.u8(POLL) != 0) {
            value = next(s);
            wake = polled(s, value, port >> 7 != 0);
            if (value < 0) value = 7;
            s.u8(POLL, 0);
        } else value = s.u8((port & 1) != 0 ? IMR : s.u8(READ_ISR) != 0 ? ISR : IRR);
        lock.unlock();
        wake(wake);
        return value;
    }

    /** pic_poll_read. */
    private boolean polled(Packed s, int pin, boolean slave) {
        if (pin < 0) return update();
        if (slave) {
            pics[0].u8(ISR, pics[0].u8(ISR) & ~(1 << CASCADE));
            pics[0].u8(IRR, pics[0].u8(IRR) & ~(1 << CASCADE));
        }
        s.u8(IRR, s.u8(IRR) & ~(1 << pin));
        endOf(s, pin);
        return (slave || pin != CASCADE) && update();
    }

    private boolean command(Packed s, int v) {
        if ((v & ICW1) != 0) {
            s.u8(INIT4, v & 1);
            reset(s);
            return false;
        }
        if ((v & OCW3) != 0) {
            if ((v & 4) != 0) s.u8(POLL, 1);
            if ((v & 2) != 0) s.u8(READ_ISR, v & 1);
            if ((v & 0x40) != 0) s.u8(SPECIAL_MASK, v >> 5 & 1);
            return false;
        }
        int pin = v & 7;
        switch (v >> 5) {
            case 0, 4 -> s.u8(ROTATE_ON_AUTO_EOI, v >> 7);
            case 1, 5 -> {
                int p = priority(s, s.u8(ISR));
                if (p == 8) return false;
                pin = p + s.u8(PRIORITY_ADD) & 7;
                if (v >> 5 == 5) s.u8(PRIORITY_ADD, pin + 1 & 7);
                endOf(s, pin);
            }
            case 3 -> endOf(s, pin);
            case 6 -> s.u8(PRIORITY_ADD, pin + 1 & 7);
            case 7 -> {
                s.u8(PRIORITY_ADD, pin + 1 & 7);
                endOf(s, pin);
            }
            default -> {
                return false;
            }
        }
        return v >> 5 != 0 && v >> 5 != 4 && update();
    }

    /** kvm_pic_reset: edges that nobody has taken end here. */
    private void reset(Packed s) {
        int edges = s.u8(IRR) & ~s.u8(ELCR);
        s.u8(LAST_IRR, 0);
        s.u8(IRR, s.u8(IRR) & s.u8(ELCR));
        for (int field : new int[] {IMR, PRIORITY_ADD, SPECIAL_MASK, READ_ISR}) s.u8(field, 0);
        if (s.u8(INIT4) == 0) {
            s.u8(FULLY_NESTED, 0);
            s.u8(AUTO_EOI, 0);
        }
        s.u8(INIT_STATE, 1);
        if (chips.picListener() == null) return;
        for (int pin = 0; pin < 8; pin++) if ((edges & 1 << pin) != 0) endOf(s, pin);
    }

    private boolean data(Packed s, int v) {
        switch (s.u8(INIT_STATE)) {
            case 0 -> {
                int changed = s.u8(IMR) ^ v;
                s.u8(IMR, v);
                for (int pin = 0; pin < 8; pin++)
                    if ((changed & 1 << pin) != 0) chips.maskChanged(s == pics[0] ? 0 : 1, pin, (v & 1 << pin) != 0);
                return update();
            }
            case 1 -> {
                s.u8(IRQ_BASE, v & 0xf8);
                s.u8(INIT_STATE, 2);
            }
            case 2 -> s.u8(INIT_STATE, s.u8(INIT4) != 0 ? 3 : 0);
            default -> {
                s.u8(FULLY_NESTED, v >> 4 & 1);
                s.u8(AUTO_EOI, v >> 1 & 1);
                s.u8(INIT_STATE, 0);
            }
        }
        return false;
    }
}
