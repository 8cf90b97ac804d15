package dev.worldswitch.kvm.x86;

import dev.worldswitch.kernel.Mutex;
import dev.worldswitch.machine.cell.Ref;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;
import java.util.ArrayList;
import java.util.List;

/** The IOAPIC: two registers in guest memory and the table behind them (82093AA datasheet; arch/x86/kvm/ioapic.c). */
final class Ioapic {
    static final int PINS = 24;
    private static final int SIZE = 0x100, VERSION = 0x11;
    private static final int SELECT = 0, WINDOW = 0x10;
    /** struct kvm_ioapic_state in 8-byte words: base; select and id; irr; redirection table. */
    private static final int BASE = 0, SELECT_ID = 1, IRR = 2, TABLE = 3;
    /** Delivery status and remote IRR of an entry are the IOAPIC's own. */
    private static final long READ_ONLY = 1 << 12 | 1 << 14;

    /** The real-time clock's: the client is told of those that come while one is still in service. */
    private static final int RTC_PIN = 8;

    private static final long LOGICAL = 1 << 11, LEVEL = 1 << 15, REMOTE_IRR = 1 << 14, MASKED = 1 << 16;

    private final Irqchip chips;
    private final Mutex lock;
    private final Words words;
    private final int at;
    /** Edges that were delivered: no longer pending for who saves the state. */
    private final Word delivered;
    /** rtc_status: in which vCPUs the clock's interrupt has not ended. */
    private final Ref<List<InService>> rtc;

    private record InService(int vcpu, int vector) {}

    /** Its state is in {@code words} from word {@code at} on. */
    Ioapic(Region region, Irqchip chips, Words words, int at) {
        this.chips = chips;
        this.lock = new Mutex(region, "ioapicLock");
        this.words = words;
        this.at = at;
        this.delivered = region.word("ioapicDelivered");
        this.rtc = region.ref("ioapicRtc", List.of());
    }

    void powerUp() {
        words.set(at + BASE, 0xfec00000L);
        for (int pin = 0; pin < PINS; pin++) entry(pin, MASKED);
    }

    boolean owns(long gpa) {
        long base = words.get(at + BASE);
        return base != 0 && gpa >= base && gpa < base + SIZE;
    }

    private int select() {
        return (int) words.get(at + SELECT_ID) & 0xff;
    }

    private long entry(int pin) {
        return words.get(at + TABLE + pin);
    }

    private void entry(int pin, long v) {
        words.set(at + TABLE + pin, v);
    }

    private boolean requested(int pin) {
        return (words.get(at + IRR) >> pin & 1) != 0;
    }

    // Registers.

    long read(long gpa) {
        return switch ((int) gpa & 0xff) {
            case SELECT -> select();
            case WINDOW -> register(select());
            default -> 0;
        };
    }

    private long register(int n) {
        if (n == 1) return PINS - 1 << 16 | VERSION;
        if (n == 0 || n == 2) return (words.get(at + SELECT_ID) >>> 32 & 0xf) << 24;
        int pin = n - 0x10 >> 1;
        long entry = n < 0x10 || pin >= PINS ? -1 : entry(pin);
        return (n & 1) != 0 ? entry >>> 32 : entry & 0xffffffffL;
    }

    void write(long gpa, int size, long data) {
        long v = data & (size >= 4 ? 0xffffffffL : (1L << 8 * size) - 1);
        lock.lock();
        switch ((int) gpa & 0xff) {
            case SELECT -> words.set(at + SELECT_ID, words.get(at + SELECT_ID) & ~0xffffffffL | v & 0xff);
            case WINDOW -> register(select(), v);
            default -> {}
        }
        lock.unlock();
    }

    private void register(int n, long v) {
        if (n == 0) {
            words.set(at + SELECT_ID, words.get(at + SELECT_ID) & 0xffffffffL | (v >>> 24 & 0xf) << 32);
            return;
        }
        int pin = n - 0x10 >> 1;
        if (n < 0x10 || pin >= PINS) return;
        long old = entry(pin);
        long entry = (n & 1) != 0 ? old & 0xffffffffL | v << 32 : old & ~0xffffffffL | v & ~READ_ONLY | old & READ_ONLY;
        // Configuring an edge-triggered entry clears remote IRR, which operating systems use as an explicit EOI.
        if ((entry & LEVEL) == 0) entry &= ~REMOTE_IRR;
        entry(pin, entry);
        if (((old ^ entry) & MASKED) != 0) chips.maskChanged(Irqchip.IOAPIC, pin, (entry & MASKED) != 0);
        if ((entry & LEVEL) != 0 && requested(pin)) service(pin);
    }

    // Delivery.

    /**
     * kvm_ioapic_set_irq; the level is that of all sources of the pin. 0 when it was pending already.
     *
     * @param asked the client wants to know (KVM_IRQ_LINE_STATUS): the clock's is coalesced until its end of interrupt
     */
    int setIrq(int pin, boolean level, boolean asked) {
        lock.lock();
        boolean clock = pin == RTC_PIN && asked;
        boolean coalesced = clock && level && !rtc.get().isEmpty();
        int r = coalesced ? 0 : set(pin, level);
        if (clock && level && r > 0) trackRtc();
        Trace t = chips.trace();
        if (t != null) t.kvmIoapicSetIrq(chips.vm(), entry(pin), pin, r == 0);
        lock.unlock();
        return r;
    }

    private int set(int pin, boolean level) {
        long bit = 1L << pin, irr = words.get(at + IRR);
        if (!level) {
            words.set(at + IRR, irr & ~bit);
            return 1;
        }
        words.set(at + IRR, irr | bit);
        if ((entry(pin) & LEVEL) == 0) {
            delivered.set(delivered.get() & ~bit);
            if ((irr & bit) != 0) return 0;
        }
        return service(pin);
    }

    private ApicBus.Message message(long e) {
        return new ApicBus.Message(
                (int) e & 0xff, (int) e >> 8 & 7, (e & LOGICAL) != 0, 0, e >>> 56, true, (e & LEVEL) != 0, false);
    }

    /** ioapic_service. */
    private int service(int pin) {
        long e = entry(pin);
        boolean level = (e & LEVEL) != 0;
        if ((e & MASKED) != 0 || level && (e & REMOTE_IRR) != 0) return -1;
        if (!level) delivered.set(delivered.get() | 1L << pin);
        int taken = chips.vm().apicBus().deliver(null, message(e));
        if (taken != 0 && level) entry(pin, e | REMOTE_IRR);
        return taken;
    }

    /** kvm_rtc_eoi_tracking_restore_all: the clock's interrupt is requested or in service at its destinations. */
    private void trackRtc() {
        long e = entry(RTC_PIN);
        int vector = (int) e & 0xff;
        List<InService> now = new ArrayList<>();
        for (Vcpu v : chips.vm().vcpus().get().all())
            if (v.lapic().matches(e >>> 56, (e & LOGICAL) != 0, false)
                    && v.lapic().awaitsEoi(vector)) now.add(new InService(v.id(), vector));
        rtc.set(List.copyOf(now));
    }

    /** kvm_rtc_eoi_tracking_restore_one. */
    void lapicStateSet() {
        lock.lock();
        trackRtc();
        lock.unlock();
    }

    /** rtc_irq_eoi. */
    private void ended(Vcpu vcpu, int vector) {
        InService it = new InService(vcpu.id(), vector);
        if (rtc.get().contains(it))
            rtc.set(rtc.get().stream().filter(s -> !s.equals(it)).toList());
    }

    /** kvm_ioapic_update_eoi: those who wait for it hear of it without the lock, as they may come back with a new level. */
    void eoi(Vcpu vcpu, int vector, boolean level, boolean directed) {
        lock.lock();
        ended(vcpu, vector);
        for (int pin = 0; pin < PINS; pin++) {
            if ((entry(pin) & 0xff) != vector) continue;
            lock.unlock();
            chips.acked(Irqchip.IOAPIC, pin);
            lock.lock();
            if (!level || directed) continue;
            entry(pin, entry(pin) & ~REMOTE_IRR);
            if (requested(pin)) service(pin);
        }
        lock.unlock();
    }

    // State.

    /** kvm_get_ioapic: word {@code i} of struct kvm_ioapic_state. */
    long state(int i) {
        return i == IRR ? words.get(at + IRR) & ~delivered.get() : words.get(at + i);
    }

    /** kvm_set_ioapic: requests that were saved are delivered again. */
    void stateSet() {
        lock.lock();
        long irr = words.get(at + IRR);
        words.set(at + IRR, 0);
        delivered.set(0);
        for (int pin = 0; pin < PINS; pin++) if ((irr >> pin & 1) != 0) set(pin, true);
        trackRtc();
        lock.unlock();
    }
}
