/** What the translators of guest code share: basic blocks, regions, their byte code, the TLB that it looks into. */
package dev.worldswitch.machine.translate;
