package dev.worldswitch.machine.x86;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Random task switches for {@code native/semantics/x86-task.S}: descriptors, TSSs of both sizes, ways from A to B. */
final class TaskCases {
    static final int ARENA = 0x8000, SIZE = 0x800, RESULT = SIZE + 64, IDT = 0x220, LDT = 0x430;
    static final int TSS_A = 0x460, TSS_B = 0x570, STACK_A = 0x640, STACK_B = 0x6c0, CODE_A = 0x6d0, CODE_B = 0x720;
    private static final int MONITORS = 0x109000, CASES = 0x110000, COUNT = 0x108000, MONITOR = BareMetal.BASE + 0x100;
    /** Below 64 KiB: a 16-bit TSS leaves upper halves of registers undefined, QEMU keeps the old ones. */
    private static final int MONITOR_STACKS = 0xc000;

    private static final int DIRECTORY_A = 0x10e000, DIRECTORY_B = 0x10f000, BOOT = 49;
    private static final int CODE = 8, DATA = 16, USER_CODE = 0x1b, USER_DATA = 0x23, A = 0x28, B = 0x30, GATE = 0x38;
    private static final int LDT_SELECTOR = 0x40, FIRST_RANDOM = 0x48, LAST_RANDOM = 0x78;
    private static final int[] SEGMENT_TYPES = {
        0x93, 0xf3, 0x9b, 0xfb, 0xf7, 0x97, 0x9f, 0xff, 0x99, 0xf9, 0xf1, 0x91, 0x13, 0x73, 0x7b, 0x1b, 0xb3, 0xd3,
        0x82, 0x89, 0x8b, 0x84, 0xdb, 0xbb, 0x00
    };

    private final SplittableRandom random;
    private final BareMetal metal;
    final List<String> names = new ArrayList<>();
    private byte[] arena = new byte[SIZE];

    TaskCases(BareMetal metal, long seed) {
        this.metal = metal;
        this.random = new SplittableRandom(seed);
        for (int v = 0; v <= BOOT; v++) monitor(v);
        for (int i = 0; i < 1024; i++) {
            metal.put32(DIRECTORY_A + 4 * i, (long) i << 22 | 0xe7);
            metal.put32(DIRECTORY_B + 4 * i, (i == 3 ? 0L : (long) i << 22) | 0xe7);
        }
    }

    private void monitor(int v) {
        int tss = MONITORS + 0x80 * v, top = MONITOR_STACKS + 0x40 * (v + 1);
        metal.put32(tss + 0x1c, DIRECTORY_A);
        metal.put32(tss + 0x20, MONITOR);
        metal.put32(tss + 0x24, 2);
        metal.put32(tss + 0x34, v);
        metal.put32(tss + 0x38, top);
        metal.put32(tss + 0x3c, top);
        for (int seg = 0; seg < 6; seg++) metal.put32(tss + 0x48 + 4 * seg, seg == X86State.CS ? CODE : DATA);
    }

    private void put(int at, int size, long v) {
        for (int k = 0; k < size; k++) arena[at + k] = (byte) (v >>> 8 * k);
    }

    private static long descriptor(long base, long limit, int access, int flags) {
        return limit & 0xffff
                | (base & 0xffffff) << 16
                | (long) access << 40
                | (limit >>> 16 & 0xf) << 48
                | (long) flags << 52
                | (base >>> 24) << 56;
    }

    private int any(int... of) {
        return of[random.nextInt(of.length)];
    }

    private boolean once(int in) {
        return random.nextInt(in) == 0;
    }

    void add() {
        arena = new byte[SIZE];
        // Code that is read otherwise than it was meant ends in INT3.
        Arrays.fill(arena, CODE_A, SIZE, (byte) 0xcc);
        boolean paging = once(4), wideA = !once(3), wideB = !once(3), userA = random.nextBoolean();
        descriptors(wideA, wideB);
        gates();
        StringBuilder name = new StringBuilder();
        int way = random.nextInt(6);
        task(TSS_A, wideA, DIRECTORY_A, CODE_A, STACK_A, userA, 0);
        boolean iret = way == 4, virtual = wideB && once(6), userB = virtual || random.nextBoolean();
        put(TSS_A, 2, once(5) ? anySelector() : iret ? B : A);
        if (iret) put(TSS_A + (wideA ? 0x24 : 0x10), 2, 0x4002);
        long flagsB = (virtual ? X86State.VM : 0) | (once(3) ? X86State.NT : 0) | (once(3) ? X86State.IOPL : 0);
        task(TSS_B, wideB, once(2) ? DIRECTORY_B : DIRECTORY_A, CODE_B, STACK_B, userB, flagsB);
        spoil(name, TSS_B, wideB, virtual);
        put(TSS_B, 2, once(2) ? A : anySelector());
        if (iret) name.append(setType(B, wideB ? 0x8b : 0x83));
        code(name, way, paging, !virtual && once(3));
        int at = CASES + names.size() * (SIZE + 16);
        metal.put32(at, paging ? 0x80000011L : 0x11);
        metal.put32(at + 4, DIRECTORY_A);
        metal.put32(at + 8, paging ? 0x10 : 0);
        for (int i = 0; i < SIZE; i++) metal.image.put(at - BareMetal.BASE + 16 + i, arena[i]);
        names.add("case " + names.size() + (wideA ? " 32" : " 16") + (userA ? " user" : "")
                + (wideB ? " to 32" : " to 16") + (virtual ? " virtual" : userB ? " user" : "") + name);
        metal.put32(COUNT, names.size());
    }

    private String setType(int selector, int access) {
        arena[selector + 5] = (byte) (arena[selector + 5] & 0xe0 | access & 0x1f);
        return once(6) ? setTypeText(selector) : "";
    }

    private String setTypeText(int selector) {
        arena[selector + 5] ^= (byte) any(2, 0x80, 4);
        return String.format(", type of %x is %x", selector, arena[selector + 5] & 0xff);
    }

    private void descriptors(boolean wideA, boolean wideB) {
        put(CODE, 8, 0x00cf9b000000ffffL);
        put(DATA, 8, 0x00cf93000000ffffL);
        put(USER_CODE & 0xf8, 8, 0x00cffb000000ffffL);
        put(USER_DATA & 0xf8, 8, 0x00cff3000000ffffL);
        put(A, 8, descriptor(ARENA + TSS_A, 0x100, wideA ? 0x89 : 0x81, 0));
        int limit = once(10) ? any(0x2a, 0x2b, 0x66, 0x67) : 0x80;
        put(B, 8, descriptor(ARENA + TSS_B, limit, (wideB ? 0x89 : 0x81) | (random.nextBoolean() ? 0x60 : 0), 0));
        if (once(10)) setTypeText(B);
        put(GATE, 8, descriptor(once(8) ? anySelector() : B, 0, any(0x85, 0xe5, 0xe5, 0x65), 0));
        put(LDT_SELECTOR, 8, descriptor(ARENA + LDT, 0x1f, once(6) ? any(2, 0x89, 0xf3) : 0x82, 0));
        for (int s = FIRST_RANDOM; s <= LAST_RANDOM; s += 8) put(s, 8, segment());
        for (int v = 0; v <= BOOT; v++) put(0x80 + 8 * v, 8, descriptor(MONITORS + 0x80 * v, 0x7f, 0x89, 0));
        for (int l = 0; l < 32; l += 8) put(LDT + l, 8, segment());
    }

    private long segment() {
        int type = any(SEGMENT_TYPES);
        // Expand-down segments: all is beyond a limit of 0.
        boolean down = (type & 0x1c) == 0x14;
        return descriptor(0, down ? 0 : 0xfffff, type, down ? 4 : any(0xc, 0xc, 0xc, 8));
    }

    private int anySelector() {
        return any(
                0,
                3,
                CODE,
                DATA,
                USER_CODE,
                USER_DATA,
                A,
                B,
                GATE,
                LDT_SELECTOR,
                4,
                0xc,
                0xf,
                0x14,
                0x17,
                0x24,
                0x3fc,
                0x400);
    }

    private int randomSegment() {
        return once(4) ? anySelector() : FIRST_RANDOM + 8 * random.nextInt(7) + any(0, 0, 3, 3, 1);
    }

    private void gates() {
        for (int v = 0; v <= 0x40; v++) {
            int to = v < 32 || v == 48 ? v : 13;
            put(IDT + 8 * v, 8, descriptor(0x80 + 8 * to, 0, v == 48 ? 0xe5 : 0x85, 0));
        }
        put(IDT + 8 * 0x40, 8, descriptor(once(8) ? anySelector() : B, 0, any(0x85, 0xe5, 0xe5, 0xe5, 0x65), 0));
    }

    private void task(int at, boolean wide, int cr3, int ip, int sp, boolean user, long flags) {
        int w = wide ? 4 : 2;
        if (wide) put(at + 0x1c, 4, cr3);
        if (wide) put(at + 0x66, 2, 0x68);
        put(at + (wide ? 0x20 : 0x0e), w, ARENA + ip);
        put(at + (wide ? 0x24 : 0x10), w, flags | 2);
        for (int r = 0; r < 8; r++)
            put(at + (wide ? 0x28 : 0x12) + w * r, w, r == X86State.RSP ? ARENA + sp : random.nextInt() | 1);
        for (int seg = 0; seg < (wide ? 6 : 4); seg++) {
            boolean code = seg == X86State.CS;
            int selector = user ? code ? USER_CODE : USER_DATA : code ? CODE : DATA;
            if ((flags & X86State.VM) != 0) selector = 0;
            put(at + (wide ? 0x48 : 0x22) + w * seg, 2, selector);
        }
    }

    /** One thing of the new task that may be wrong. */
    private void spoil(StringBuilder name, int at, boolean wide, boolean virtual) {
        int w = wide ? 4 : 2, what = random.nextInt(14);
        if (what < 8) {
            int seg = what < 6 ? what : X86State.CS, selector = randomSegment();
            if (seg >= 4 && !wide || seg == X86State.CS && (virtual || conforming(selector))) return;
            put(at + (wide ? 0x48 : 0x22) + w * seg, 2, selector);
            name.append(String.format(", segment %d is %x: %x", seg, selector, accessOf(selector)));
        } else if (what == 8) {
            int ldt = once(3) ? anySelector() & ~4 : LDT_SELECTOR;
            put(at + (wide ? 0x60 : 0x2a), 2, ldt);
            int seg = virtual ? 0 : any(0, 2, 3), selector = any(4, 7, 0xc, 0xf, 0x14, 0x1c, 0x24);
            put(at + (wide ? 0x48 : 0x22) + w * seg, 2, selector);
            name.append(String.format(", LDT %x, segment %d is %x: %x", ldt, seg, selector, accessOf(selector)));
        } else if (what == 9 && !virtual) {
            int cs = (arena[at + (wide ? 0x4c : 0x24)] & 3) | LAST_RANDOM;
            put(LAST_RANDOM, 8, descriptor(0, 0x7fff, (cs & 3) != 0 ? 0xfb : 0x9b, 4));
            put(at + (wide ? 0x4c : 0x24), 2, cs);
            name.append(", EIP beyond the limit of CS");
        }
    }

    /** Of these QEMU wants the DPL to be the selector's RPL; no more is due than not to be above it. */
    private boolean conforming(int selector) {
        return (accessOf(selector) & 0x1c) == 0x1c;
    }

    private int accessOf(int selector) {
        int at = (selector & 4) != 0 ? LDT + (selector & 0x18) : selector & 0x1f8;
        return arena[at + 5] & 0xff;
    }

    private void code(StringBuilder name, int way, boolean paging, boolean back) {
        int at = CODE_A,
                target =
                        once(4)
                                ? any(0, 3, DATA, USER_DATA, A, A + 3, LDT_SELECTOR, 4, 0x3fc, 0x400, 0x80 + 8 * BOOT)
                                : any(B, B, B + 3, GATE, GATE + 3);
        switch (way) {
            case 0, 1 -> {
                name.append(String.format(", %s %x: %x", way == 0 ? "jmp" : "call", target, accessOf(target)));
                put(at, 7, (way == 0 ? 0xea : 0x9a) | (long) target << 40);
                at += 7;
            }
            case 2 -> {
                name.append(String.format(", int 40: %x", arena[IDT + 0x205] & 0xff));
                put(at, 2, 0x40cd);
                at += 2;
            }
            case 3 -> {
                name.append(", #GP by a gate");
                put(IDT + 8 * 13, 8, arenaLong(IDT + 8 * 0x40));
                put(at, 8, 0xd88e_0000_00f8b8L >>> 0);
                at += 7;
            }
            case 4 -> {
                name.append(", iret");
                put(at++, 1, 0xcf);
            }
            default -> {
                name.append(", #UD by a gate");
                put(IDT + 8 * 6, 8, arenaLong(IDT + 8 * 0x40));
                put(at, 2, 0x0b0f);
                at += 2;
            }
        }
        // str eax; smsw ecx; int 0x30
        put(at, 8, 0x30cd_e1010f_c8000fL);
        at = CODE_B;
        put(at, 6, 0xe3010f_ca000fL);
        at += 6;
        if (paging) {
            // mov eax, [0xc08010]
            put(at, 5, 0x00c08010a1L);
            at += 5;
        }
        if (back) {
            name.append(", iret back");
            put(at++, 1, 0xcf);
        }
        put(at, 2, 0x30cd);
        if (paging) name.append(", paging");
    }

    private long arenaLong(int at) {
        long v = 0;
        for (int k = 0; k < 8; k++) v |= (arena[at + k] & 0xffL) << 8 * k;
        return v;
    }
}
