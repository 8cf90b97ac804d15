/** Fuzz targets: what they do with arbitrary bytes, and what must hold whatever the bytes are. */
@org.jspecify.annotations.NullMarked
package dev.worldswitch.fuzz;
