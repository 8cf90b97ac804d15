package dev.worldswitch.explore.arm64;

import dev.worldswitch.explore.Violation;
import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Word;
import dev.worldswitch.machine.cell.Words;

/** What guests and user space of one VM may read from ID_AA64PFR0_EL1: values that a write put there whole. */
final class IdGhost {
    /** ID_AA64PFR0_EL1.GIC: the first run takes it from a VM without a GICv3 (kvm_finalize_sys_regs). */
    private static final long PFR0_GIC = 0xfL << 24;

    /** Writes of one run at most. */
    private static final int MOST = 8;

    /** {@code writing} and {@code raced} have a bit for each write: at work, and together with others taken as the last ones. */
    private final Word value, guestHasRead, begun, writing, raced;

    private final Words wanted;

    IdGhost(Region region) {
        this.value = region.word("ghostId");
        this.guestHasRead = region.word("ghostIdRead");
        this.begun = region.word("ghostIdWrites");
        this.writing = region.word("ghostIdWriters");
        this.raced = region.word("ghostIdRaced");
        this.wanted = region.words("ghostIdWanted", MOST);
    }

    /** But for the field that the first run takes away at any time, as seen from user space. */
    static boolean same(long a, long b) {
        return ((a ^ b) & ~PFR0_GIC) == 0;
    }

    /** A guest reads it: from here on all do so. */
    void guestReads(long now) {
        // Of writers at work nobody knows yet whether they were taken, and of those that raced, which was the last.
        if (guestHasRead.get() == 0 && wanted(raced.get() | writing.get(), now)) value.set(now);
        if (guestHasRead.get() == 0 && raced.get() != 0 && value.get() == 0)
            throw broken("the guest reads", now, "what one of its writers wrote");
        is(now, "the guest reads");
        guestHasRead.set(1);
    }

    private void is(long now, String who) {
        long before = value.get();
        if (before != 0 && !same(now, before)) throw broken(who, now, "0x" + Long.toHexString(before & ~PFR0_GIC));
        if (before == 0) value.set(now);
    }

    private static Violation broken(String who, long now, String before) {
        return new Violation(
                Arm64Properties.ID_CONSTANT,
                who + " ID_AA64PFR0_EL1 as 0x" + Long.toHexString(now & ~PFR0_GIC) + ", before it was " + before);
    }

    /** A write of user space, from before its writer reads the value that it starts from. */
    final class Write {
        private final int number = (int) begun.get();
        private final boolean first = writing.get() == 0;

        /** No other thread was writing between its beginning and now. */
        private boolean alone() {
            return first && begun.get() == number + 1L;
        }

        void wants(long v) {
            wanted.set(number, v);
        }

        /** What is read after it may be another writer's value. */
        boolean mayRead(long now) {
            return !alone() && wanted(~(1L << number), now);
        }

        /** @param taken it was answered 0 */
        void ends(boolean taken) {
            writing.and(~(1L << number));
            if (!taken) return;
            if (guestHasRead.get() != 0) {
                // Beside another writer it may have been taken before the guest ran, and been overwritten since.
                if (alone()) is(wanted.get(number), "KVM_SET_ONE_REG took");
                return;
            }
            raced.set(alone() ? 0 : raced.get() | writing.get() | 1L << number);
            value.set(alone() ? wanted.get(number) : 0);
        }
    }

    Write begins() {
        Write w = new Write();
        begun.set(begun.get() + 1);
        writing.or(1L << w.number);
        return w;
    }

    /** @param by a bit for each write */
    private boolean wanted(long by, long now) {
        for (int i = 0; i < begun.get(); i++) if ((by >>> i & 1) != 0 && same(wanted.get(i), now)) return true;
        return false;
    }
}
