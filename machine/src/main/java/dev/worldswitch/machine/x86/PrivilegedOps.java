package dev.worldswitch.machine.x86;

/** Rows of control and debug registers, descriptor tables, flags of the system, and system calls. */
final class PrivilegedOps {
    private PrivilegedOps() {}

    static void add(MoreOps.Acts plain, MoreOps.Acts ending) {
        flags(plain, ending);
        controls(ending);
        tables(plain, ending);
        segments(plain, ending);
        calls(ending);
        ending.row("UD2", "0F 0B", "", (m, op) -> {
            throw m.ud();
        });
        ending.row("UD1", "0F B9 /r", "Gv,Ev", (m, op) -> {
            throw m.ud();
        });
        ending.row("UD0", "0F FF /r", "Gv,Ev", (m, op) -> {
            throw m.ud();
        });
        plain.row("RDTSC", "0F 31", "", (m, op) -> tsc(m));
        plain.row("RDTSCP", "0F 01 /7 reg m1", "", (m, op) -> {
            tsc(m);
            m.setReg(1, 4, m.state.tscAux.get());
        });
        plain.row("RDPID", "F3 0F C7 /7 reg", "", (m, op) -> m.g[op.s] = m.state.tscAux.get() & 0xffffffffL);
        plain.row("RDRAND", "0F C7 /6 reg", "", (m, op) -> {
            if ((m.cpu.profile().cpuid(1, 0).ecx() >> 30 & 1) == 0) throw m.ud();
            random(m, op);
        });
        plain.row("RDSEED", "0F C7 /7 reg", "", (m, op) -> {
            if ((m.cpu.profile().cpuid(7, 0).ebx() >> 18 & 1) == 0) throw m.ud();
            random(m, op);
        });
        other(ending, "RDPMC", "0F 33", 0x0f33, false);
        other(ending, "INVD", "0F 08", 0x0f08, true);
        other(ending, "WBINVD", "0F 09", 0x0f09, true);
        other(ending, "MONITOR", "0F 01 /1 reg m0", 0x0f01c8, true);
        other(ending, "MWAIT", "0F 01 /1 reg m1", 0x0f01c9, true);
        // Nothing here is out of order: instructions are complete, one after the other.
        plain.row("SERIALIZE", "NP 0F 01 /5 reg m0", "", (m, op) -> {});
        // The CPU itself is never in system management mode; the hypervisor emulates it, and hears of RSM.
        ending.row("RSM", "0F AA", "", (m, op) -> {
            if (!m.cpu.profile().isAmd()) throw m.ud();
            m.exit.vector = X86Exit.RSM;
            throw SystemOps.exit(m, op, X86Exit.OTHER);
        });
    }

    private static void other(MoreOps.Acts ending, String name, String encoding, int opcode, boolean privileged) {
        ending.row(name, encoding, "", (m, op) -> {
            if (privileged) SystemOps.privileged(m);
            m.exit.vector = opcode;
            throw SystemOps.exit(m, op, X86Exit.OTHER);
        });
    }

    private static void random(Interpreter m, Op op) {
        m.setReg(op.s, op.size, m.cpu.nextRandom());
        m.setFlags(m.flags() & ~Flags.STATUS | X86State.CF);
    }

    private static void tsc(Interpreter m) {
        if ((m.state.cr.get(4) & X86State.CR4_TSD) != 0 && m.cpl != 0) throw m.gp(0);
        long t = m.tsc();
        m.setReg(0, 4, t);
        m.setReg(2, 4, t >>> 32);
    }

    // RFLAGS.

    private static void flags(MoreOps.Acts plain, MoreOps.Acts ending) {
        ending.row("CLI", "FA", "", (m, op) -> VirtualInterrupts.cli(m));
        ending.row("STI", "FB", "", (m, op) -> VirtualInterrupts.sti(m));
        plain.row("PUSHF", "9C d64", "", (m, op) -> {
            boolean vif = VirtualInterrupts.virtual(m, op.size);
            m.push(vif ? VirtualInterrupts.image(m) : m.flags() & ~(X86State.VM | X86State.RF), op.size);
        });
        ending.row("POPF", "9D d64", "", PrivilegedOps::popf);
        ending.row("CLAC", "0F 01 /1 reg m2", "", (m, op) -> access(m, false));
        ending.row("STAC", "0F 01 /1 reg m3", "", (m, op) -> access(m, true));
    }

    private static void popf(Interpreter m, Op op) {
        boolean vif = VirtualInterrupts.virtual(m, op.size);
        long f = m.peek(0, op.size);
        if (vif) VirtualInterrupts.mayLoad(m, f);
        m.drop(op.size);
        m.attention = true;
        if (vif) {
            VirtualInterrupts.load(m, f);
            return;
        }
        boolean on = VirtualInterrupts.means(m) == VirtualInterrupts.Means.IF;
        long keep = 0x1a0000 | X86State.RF | (m.cpl == 0 ? 0 : X86State.IOPL) | (on ? 0 : X86State.IF);
        if (op.size == 2) keep |= ~0xffffL;
        m.setFlags(m.flags() & keep & ~X86State.RF | f & 0x247fd5 & ~keep);
        m.loadAccess(m.sys);
    }

    private static void access(Interpreter m, boolean allow) {
        if (m.cpl != 0) throw m.ud();
        m.sys = allow ? m.sys | X86State.AC : m.sys & ~X86State.AC;
        m.loadAccess(m.sys);
    }

    // Control and debug registers.

    private static void controls(MoreOps.Acts ending) {
        ending.row("MOV CR", "0F 20 /r", "Rd,Cd", (m, op) -> readCr(m, op));
        ending.row("MOV CR", "0F 22 /r", "Cd,Rd", (m, op) -> writeCr(m, op));
        ending.row("CLTS", "0F 06", "", (m, op) -> {
            SystemOps.privileged(m);
            m.state.cr.set(0, m.state.cr.get(0) & ~X86State.CR0_TS);
            m.loadPaging();
        });
        ending.row("LMSW", "0F 01 /6", "Ew", (m, op) -> {
            SystemOps.privileged(m);
            long v = MoreOps.rm(m, op, 2), old = m.state.cr.get(0);
            m.state.cr.set(0, old & ~0xeL | v & 0xf | old & 1);
            m.modeChanged();
        });
        ending.row("SMSW", "0F 01 /4", "Ev", (m, op) -> {
            umip(m);
            MoreOps.setRm(m, op, op.ea == null ? op.size : 2, m.state.cr.get(0));
        });
        ending.row("MOV DR", "0F 21 /r", "Rd,Dd", (m, op) -> moveDr(m, op, true));
        ending.row("MOV DR", "0F 23 /r", "Dd,Rd", (m, op) -> moveDr(m, op, false));
    }

    private static int crNumber(Interpreter m, Op op) {
        int n = op.insn().lock ? op.d | 8 : op.d;
        if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) throw m.ud();
        SystemOps.privileged(m);
        return n;
    }

    private static void readCr(Interpreter m, Op op) {
        int n = crNumber(m, op);
        m.setReg(op.s, m.code == 64 ? 8 : 4, m.state.cr.get(n));
    }

    private static void writeCr(Interpreter m, Op op) {
        int n = crNumber(m, op);
        long v = m.reg(op.s, m.code == 64 ? 8 : 4);
        if (n == 2) m.state.cr.set(2, v);
        else if (n == 8 && (m.state.intercepts.get() & X86State.EXIT_CR8) == 0) {
            if (v >>> 4 != 0) throw m.gp(0);
            m.state.cr.set(8, v);
        } else {
            m.exit.vector = n;
            m.exit.gpr = op.s;
            m.exit.in = false;
            m.exit.payload = v;
            throw SystemOps.exit(m, op, X86Exit.CR_ACCESS);
        }
    }

    private static void moveDr(Interpreter m, Op op, boolean read) {
        int n = op.d;
        boolean de = (m.state.cr.get(4) & X86State.CR4_DE) != 0;
        if (n > 7 || de && (n == 4 || n == 5)) throw m.ud();
        if (n == 4 || n == 5) n += 2;
        SystemOps.privileged(m);
        // The exit takes precedence over the #DB that DR7.GD asks for; the hypervisor raises it.
        if ((m.state.dr.get(7) & 0x2000) != 0 || (m.state.intercepts.get() & X86State.EXIT_DR) != 0) {
            m.exit.vector = n;
            m.exit.gpr = op.s;
            m.exit.in = read;
            throw SystemOps.exit(m, op, X86Exit.DR_ACCESS);
        }
        int size = m.code == 64 ? 8 : 4;
        if (read) {
            m.setReg(op.s, size, m.state.dr.get(n));
            return;
        }
        long v = m.reg(op.s, size);
        if (n >= 6 && v >>> 32 != 0) throw m.gp(0);
        if (n == 6) v = Debug.dr6(m.cpu.profile(), v);
        if (n == 7) v = Debug.dr7(m.cpu.profile(), v);
        m.state.dr.set(n, v);
        m.flushTlb();
        m.modeChanged();
    }

    // Descriptor tables.

    static void umip(Interpreter m) {
        if ((m.state.cr.get(4) & X86State.CR4_UMIP) != 0 && m.cpl != 0) throw m.gp(0);
    }

    private static void tables(MoreOps.Acts plain, MoreOps.Acts ending) {
        plain.row("SGDT", "0F 01 /0 mem", "M", (m, op) -> store(m, op, m.state.gdtLimit.get(), m.state.gdtBase.get()));
        plain.row("SIDT", "0F 01 /1 mem", "M", (m, op) -> store(m, op, m.state.idtLimit.get(), m.state.idtBase.get()));
        ending.row("LGDT", "0F 01 /2 mem", "M", (m, op) -> loadTable(m, op, true));
        ending.row("LIDT", "0F 01 /3 mem", "M", (m, op) -> loadTable(m, op, false));
        plain.row("SLDT", "0F 00 /0", "Ev", (m, op) -> selector(m, op, X86State.LDTR));
        plain.row("STR", "0F 00 /1", "Ev", (m, op) -> selector(m, op, X86State.TR));
        ending.row("LLDT", "0F 00 /2", "Ew", (m, op) -> loadSystem(m, op, X86State.LDTR));
        ending.row("LTR", "0F 00 /3", "Ew", (m, op) -> loadSystem(m, op, X86State.TR));
        ending.row("INVLPG", "0F 01 /7 mem", "M", (m, op) -> {
            SystemOps.privileged(m);
            m.flushTlb();
        });
        ending.row("INVPCID", "66 0F 38 82 /r mem", "Gv,M", (m, op) -> {
            SystemOps.privileged(m);
            if (Long.compareUnsigned(m.g[op.d], 3) > 0) throw m.gp(0);
            m.ld64(m.linear(op.ea(), 16, false));
            m.flushTlb();
        });
    }

    private static void store(Interpreter m, Op op, long limit, long base) {
        umip(m);
        int n = m.code == 64 ? 8 : 4;
        long la = m.linear(op.ea(), 2 + n, true);
        m.mustBeBacked(la, true);
        m.checkWrite(la, 2 + n);
        m.st16(la, limit);
        m.st(la + 2, n, base);
    }

    private static void loadTable(Interpreter m, Op op, boolean gdt) {
        SystemOps.privileged(m);
        int n = m.code == 64 ? 8 : 4;
        long la = m.linear(op.ea(), 2 + n, false);
        // KVM's emulator reads an operand of the usual size first, and then cannot read the descriptor.
        if (m.emulating) m.ld(la, op.size);
        m.mustBeBacked(la, false);
        long limit = m.ld16(la), base = m.ld(la + 2, n);
        if (n == 4 && op.size == 2) base &= 0xffffff;
        if (m.code == 64 && !m.isCanonical(base)) throw m.gp(0);
        (gdt ? m.state.gdtLimit : m.state.idtLimit).set(limit);
        (gdt ? m.state.gdtBase : m.state.idtBase).set(base);
    }

    private static void selector(Interpreter m, Op op, int seg) {
        if (Segments.real(m)) throw m.ud();
        umip(m);
        // KVM's emulator takes SLDT and STR for instructions that read their operand.
        if (m.emulating && op.ea != null) m.ld(m.linear(op.ea, op.size, false), op.size);
        MoreOps.setRm(m, op, op.ea == null ? op.size : 2, m.state.segSelector.get(seg));
    }

    private static void loadSystem(Interpreter m, Op op, int seg) {
        if (Segments.real(m)) throw m.ud();
        Segments.loadSystem(m, seg, MoreOps.rm(m, op, 2));
    }

    // Segment registers.

    private static void segments(MoreOps.Acts plain, MoreOps.Acts ending) {
        plain.row("MOV", "8C /r", "Ev,Sw", (m, op) -> {
            if (op.d > 5) throw m.ud();
            MoreOps.setRm(m, op, op.ea == null ? op.size : 2, m.state.segSelector.get(op.d));
        });
        ending.row("MOV", "8E /r", "Sw,Ew", (m, op) -> {
            if (op.d > 5 || op.d == X86State.CS) throw m.ud();
            Segments.loadData(m, op.d, MoreOps.rm(m, op, 2));
            if (op.d == X86State.SS) shadow(m);
        });
        String[] push = {"06", "0E", "16", "1E"}, pop = {"07", "", "17", "1F"};
        for (int s = 0; s < 6; s++) {
            int seg = s;
            String in = s < 4 ? push[s] + " n64" : s == 4 ? "0F A0 d64" : "0F A8 d64";
            plain.row("PUSH", in, "", (m, op) -> m.push(m.state.segSelector.get(seg), op.size));
            if (s == X86State.CS) continue;
            String out = s < 4 ? pop[s] + " n64" : s == 4 ? "0F A1 d64" : "0F A9 d64";
            ending.row("POP", out, "", (m, op) -> {
                long v = m.peek(0, op.size), mask = m.stackMask();
                Segments.loadData(m, seg, v);
                m.g[4] = mask == 0xffff ? m.g[4] & ~mask | m.g[4] + op.size & mask : m.g[4] + op.size & mask;
                if (seg == X86State.SS) shadow(m);
            });
        }
        ending.row("SWAPGS", "0F 01 /7 reg m0 o64", "", (m, op) -> {
            SystemOps.privileged(m);
            long gs = m.state.segBase.get(X86State.GS);
            m.state.segBase.set(X86State.GS, m.state.kernelGsBase.get());
            m.state.kernelGsBase.set(gs);
        });
        String[] names = {"RDFSBASE", "RDGSBASE", "WRFSBASE", "WRGSBASE"};
        for (int k = 0; k < 4; k++) {
            int seg = (k & 1) == 0 ? X86State.FS : X86State.GS;
            boolean write = k >= 2;
            plain.row(names[k], "F3 0F AE /" + k + " reg o64", "", (m, op) -> {
                if ((m.state.cr.get(4) & X86State.CR4_FSGSBASE) == 0) throw m.ud();
                if (!write) {
                    m.setReg(op.s, op.size, m.state.segBase.get(seg));
                    return;
                }
                long v = m.reg(op.s, op.size);
                if (!m.isCanonical(v)) throw m.gp(0);
                m.state.segBase.set(seg, v);
            });
        }
    }

    private static void shadow(Interpreter m) {
        m.state.shadow.set(X86State.SHADOW_MOV_SS);
        m.attention = true;
    }

    // System calls (SDM vol. 2 SYSCALL, SYSRET, SYSENTER, SYSEXIT).

    private static void calls(MoreOps.Acts ending) {
        ending.row("SYSCALL", "0F 05", "", (m, op) -> {
            if ((m.state.efer.get() & X86State.EFER_SCE) == 0 || m.code != 64) throw m.ud();
            m.g[1] = op.next;
            m.g[11] = m.flags() & ~X86State.RF;
            m.setFlags(m.flags() & ~m.state.sfmask.get() & ~X86State.RF);
            long sel = m.state.star.get() >>> 32 & 0xfffc;
            flat(m, X86State.CS, sel, 0xa09b);
            flat(m, X86State.SS, sel + 8, 0xc093);
            m.rip = m.state.lstar.get();
            // SFMASK decides whether a single step is reported in the handler (AMD APM vol. 3, SYSCALL).
            m.stepTrap = m.sys & X86State.TF;
            m.modeChanged();
        });
        ending.row("SYSRET", "0F 07", "", (m, op) -> {
            if ((m.state.efer.get() & X86State.EFER_SCE) == 0 || m.code != 64) throw m.ud();
            SystemOps.privileged(m);
            long to = m.g[1], sel = m.state.star.get() >>> 48;
            boolean wide = op.size == 8;
            if (wide && !m.isCanonical(to)) throw m.gp(0);
            m.setFlags(m.g[11] & 0x3c7fd7 | 2);
            flat(m, X86State.CS, (wide ? sel + 16 : sel) | 3, wide ? 0xa0fb : 0xc0fb);
            flat(m, X86State.SS, sel + 8 | 3, 0xc0f3);
            m.rip = wide ? to : to & 0xffffffffL;
            m.modeChanged();
        });
        ending.row("SYSENTER", "0F 34", "", (m, op) -> {
            // Not in long mode on AMD CPUs (APM vol. 3, SYSENTER).
            if (m.state.longMode() && m.cpu.profile().isAmd()) throw m.ud();
            long cs = m.state.sysenterCs.get();
            if (Segments.real(m) || (cs & 0xfffc) == 0) throw m.gp(0);
            boolean lm = m.state.longMode();
            m.sys &= ~(X86State.VM | X86State.IF);
            flat(m, X86State.CS, cs & 0xfffc, lm ? 0xa09b : 0xc09b);
            flat(m, X86State.SS, (cs & 0xfffc) + 8, 0xc093);
            m.g[4] = lm ? m.state.sysenterEsp.get() : m.state.sysenterEsp.get() & 0xffffffffL;
            m.rip = lm ? m.state.sysenterEip.get() : m.state.sysenterEip.get() & 0xffffffffL;
            m.modeChanged();
        });
        ending.row("SYSEXIT", "0F 35", "", (m, op) -> {
            long cs = m.state.sysenterCs.get();
            if (Segments.real(m) || (cs & 0xfffc) == 0 || m.cpl != 0) throw m.gp(0);
            boolean wide = op.size == 8;
            flat(m, X86State.CS, (cs & 0xfffc) + (wide ? 32 : 16) | 3, wide ? 0xa0fb : 0xc0fb);
            flat(m, X86State.SS, (cs & 0xfffc) + (wide ? 40 : 24) | 3, 0xc0f3);
            m.g[4] = wide ? m.g[1] : m.g[1] & 0xffffffffL;
            m.rip = wide ? m.g[2] : m.g[2] & 0xffffffffL;
            m.modeChanged();
        });
    }

    private static void flat(Interpreter m, int seg, long selector, long attr) {
        Segments.set(m, seg, selector, 0, 0xffffffffL, attr);
    }
}
