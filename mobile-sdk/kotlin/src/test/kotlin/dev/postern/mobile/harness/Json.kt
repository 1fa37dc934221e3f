package dev.postern.mobile.harness

/** JSON as it is: maps, lists, texts, `Long`s, `Boolean`s and null. */
class Json private constructor(private val text: String) {
    private var at = 0

    private fun value(): Any? = when (peek()) {
        '{' -> members('}') { (value() as String).also { take(':') } to value() }.toMap()
        '[' -> members(']') { value() }
        '"' -> string()
        't' -> word("true", true)
        'f' -> word("false", false)
        'n' -> word("null", null)
        else -> Regex("-?\\d+").matchAt(text, at)!!.value.also { at += it.length }.toLong()
    }

    private fun <T> members(end: Char, member: () -> T): List<T> {
        at++
        val found = mutableListOf<T>()
        if (peek() != end) {
            do found += member() while (peek() == ',' && at++ >= 0)
        }
        take(end)
        return found
    }

    private fun string(): String {
        val found = StringBuilder()
        while (text[++at] != '"') {
            if (text[at] != '\\') {
                found.append(text[at])
            } else if (text[++at] == 'u') {
                found.append(text.substring(at + 1, at + 5).toInt(16).toChar())
                at += 4
            } else {
                found.append(ESCAPES[text[at]] ?: text[at])
            }
        }
        at++
        return found.toString()
    }

    private fun <T> word(word: String, value: T): T = value.also {
        check(text.startsWith(word, at))
        at += word.length
    }

    private fun peek(): Char {
        while (text[at].isWhitespace()) at++
        return text[at]
    }

    private fun take(expected: Char) {
        check(peek() == expected) { "$expected at $at" }
        at++
    }

    companion object {
        private val ESCAPES = mapOf('n' to '\n', 't' to '\t', 'r' to '\r', 'b' to '\b', 'f' to '\u000C')

        fun parse(text: String): Any? = Json(text).value()
    }
}
