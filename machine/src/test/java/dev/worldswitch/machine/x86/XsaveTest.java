package dev.worldswitch.machine.x86;

import static org.assertj.core.api.Assertions.assertThat;

import dev.worldswitch.machine.cell.Region;
import dev.worldswitch.machine.cell.Words;
import org.junit.jupiter.api.Test;

/** The host's saving and restoring, in the format of each machine's kernel. */
class XsaveTest {
    private static final int BV = XsaveLayout.XSTATE_BV / 8, MXCSR = XsaveLayout.MXCSR / 8;
    private static final long TILEDATA = 1L << XsaveLayout.TILEDATA;

    private record Machine(Xsave xsave, Words file, Words image) {
        static Machine of(String name) {
            XsaveLayout layout = X86Profile.builtIn(name).xsave();
            Region r = Region.root("test");
            int words = layout.standardSize(-1) / 8;
            Machine m = new Machine(new Xsave(layout), r.words("file", words), r.words("image", words));
            m.xsave.init(m.file, -1);
            m.xsave.init(m.image, -1);
            return m;
        }

        void use(int component, int word, long v) {
            file.set(word, v);
            file.set(BV, file.get(BV) | 1L << component);
        }
    }

    @Test
    void a_component_disabled_by_xfd_is_saved_as_not_in_use_and_keeps_its_registers() {
        Machine m = Machine.of("sapphire-rapids");
        int tile = m.xsave.layout().component(XsaveLayout.TILEDATA).offset() / 8;
        m.use(XsaveLayout.TILEDATA, tile, 7);
        m.xsave.save(m.file, m.image, -1, TILEDATA);
        assertThat(m.image.get(BV) & TILEDATA).isZero();
        assertThat(m.file.get(tile)).isEqualTo(7);
        m.xsave.save(m.file, m.image, -1, 0);
        assertThat(m.xsave.restore(m.image, m.file, -1, TILEDATA)).isEqualTo(TILEDATA);
    }

    @Test
    void restoring_a_component_that_is_not_in_the_image_initialises_it_even_under_xfd() {
        Machine m = Machine.of("sapphire-rapids");
        int tile = m.xsave.layout().component(XsaveLayout.TILEDATA).offset() / 8;
        m.use(XsaveLayout.TILEDATA, tile, 7);
        assertThat(m.xsave.restore(m.image, m.file, -1, TILEDATA)).isZero();
        assertThat(m.file.get(tile)).isZero();
    }

    @Test
    void the_compacted_format_keeps_mxcsr_with_sse_and_the_standard_one_by_request() {
        for (String name : new String[] {"sapphire-rapids", "conformance-svm"}) {
            Machine m = Machine.of(name);
            m.file.set(MXCSR, 0x1fa0 | 0xffffL << 32);
            m.xsave.save(m.file, m.image, -1, 0);
            assertThat(m.image.get(BV)).as(name).isEqualTo(name.equals("sapphire-rapids") ? 2 : 0);
            m.file.set(MXCSR, 0x1f80 | 0xffffL << 32);
            m.xsave.restore(m.image, m.file, -1, 0);
            assertThat(m.file.get(MXCSR) & 0xffff).as(name).isEqualTo(0x1fa0);
        }
    }

    @Test
    void without_xsave_x87_and_sse_are_always_saved_and_loaded() {
        Machine m = Machine.of("x86-64-v1");
        m.file.set(XsaveLayout.XMM0 / 8, 5);
        m.xsave.save(m.file, m.image, -1, 0);
        m.file.set(XsaveLayout.XMM0 / 8, 6);
        m.xsave.restore(m.image, m.file, -1, 0);
        assertThat(m.file.get(XsaveLayout.XMM0 / 8)).isEqualTo(5);
    }
}
