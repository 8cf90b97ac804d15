/** {@code ws serve}: explorations and their reports in a browser. */
package dev.worldswitch.cli.serve;
