// A table on disk by LMDB: a B+ tree in one file, which readers see through a map of it.
//
// How it is set up, and why:
//   - No transaction is synced to the disk (NOSYNC): nobody reads the file after a crash.
//   - Pages are written by system calls, not through the map: a full disk is then an error of a call. Through the map (WRITEMAP, which is
//     some three times as fast for small transactions) it would be a signal that ends the process.
//   - The map is as large as a table may become. That is address space and not memory, nor is the file larger than what it holds.
//   - The kernel reads nothing ahead (NORDAHEAD): what is looked for lies anywhere.
//   - Readers belong to objects, not to threads (NOTLS).
// A write transaction holds its changed pages in memory until it ends, a page for each entry at worst: callers put some thousand entries at
// a time.

import Bytes
import CLMDB
import Glibc
package import Platform

/// A table in a file of its own, which goes with the last reference to it.
@safe package final class LMDBTable: DiskTable, @unchecked Sendable {
    // The environment may be used by any thread; writes come from one at a time, as the protocol says.
    private let environment: OpaquePointer
    private let database: MDB_dbi
    private let path: String
    private let files: any FileSystem

    /// Bytes that one table may take, unless told otherwise.
    package static let mostBytes = 64 << 30
    private static let readers: UInt32 = 1024
    private static let flags = UInt32(truncatingIfNeeded: MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT)
    private static let readOnly = UInt32(truncatingIfNeeded: MDB_RDONLY)

    /// A new table in the file `path`, whose directory exists. Errors: the system refuses the file or the map.
    package init(path: String, mostBytes: Int = LMDBTable.mostBytes, files: any FileSystem = HostFileSystem()) throws(DiskTableError) {
        self.path = path
        self.files = files
        var made: OpaquePointer?
        var opened: MDB_dbi = 0
        var code = unsafe mdb_env_create(&made)
        if code == 0 { code = unsafe mdb_env_set_mapsize(made, mostBytes) }
        if code == 0 { code = unsafe mdb_env_set_maxreaders(made, LMDBTable.readers) }
        if code == 0 { code = unsafe mdb_env_open(made, path, LMDBTable.flags, 0o600) }
        if code == 0 { code = unsafe LMDBTable.openDatabase(made, &opened) }
        guard code == 0, let environment = unsafe made else {
            if let made = unsafe made { unsafe mdb_env_close(made) }
            throw LMDBTable.error("open the table \(path)", code)
        }
        unsafe self.environment = environment
        database = opened
    }

    deinit {
        unsafe mdb_env_close(environment)
        // What stays is removed at the next start.
        for file in [path, path + "-lock"] { try? files.removeFile(file) }
    }

    @unsafe private static func openDatabase(_ environment: OpaquePointer?, _ database: inout MDB_dbi) -> Int32 {
        var transaction: OpaquePointer?
        let code = unsafe mdb_txn_begin(environment, nil, 0, &transaction)
        guard code == 0 else { return code }
        let opened = unsafe mdb_dbi_open(transaction, nil, 0, &database)
        guard opened == 0 else {
            unsafe mdb_txn_abort(transaction)
            return opened
        }
        return unsafe mdb_txn_commit(transaction)
    }

    fileprivate static func error(_ attempt: String, _ code: Int32) -> DiskTableError {
        let reason = unsafe String(cString: mdb_strerror(code))
        return DiskTableError("cannot \(attempt): \(reason)", isFull: code == ENOSPC || code == EDQUOT || code == MDB_MAP_FULL)
    }

    // MARK: Changes

    package func put(_ entries: EntryList) throws(DiskTableError) {
        let code = unsafe change { cursor in
            unsafe entries.bytes.withUnsafeBytes { bytes in
                for place in 0..<entries.count {
                    var key = unsafe value(bytes, entries.keys[place])
                    var value = unsafe value(bytes, entries.values[place])
                    let code = unsafe mdb_cursor_put(cursor, &key, &value, 0)
                    if code != 0 { return code }
                }
                return 0
            }
        }
        // A write that the system cuts short, for want of room as a rule, is to LMDB an error of the device.
        if code == EIO { throw DiskTableError("cannot write \(entries.count) entries to \(path): the disk is full, or damaged", isFull: true) }
        if code != 0 { throw LMDBTable.error("write \(entries.count) entries to \(path)", code) }
    }

    package func remove(prefix: [UInt8], atMost count: Int) throws(DiskTableError) -> Bool {
        var hasMore = false
        let code = unsafe change { cursor in
            unsafe prefix.withUnsafeBytes { prefix in
                var key = unsafe value(prefix, ByteRange(start: 0, length: Int32(clamping: prefix.count)))
                var found = unsafe MDB_val()
                var code = unsafe mdb_cursor_get(cursor, &key, &found, MDB_SET_RANGE)
                var removed = 0
                while code == 0, unsafe begins(key, prefix) {
                    if removed >= count {
                        hasMore = true
                        return 0
                    }
                    code = unsafe mdb_cursor_del(cursor, 0)
                    if code != 0 { return code }
                    removed += 1
                    // The cursor stands where the entry was: the next one is what has taken its place.
                    code = unsafe mdb_cursor_get(cursor, &key, &found, MDB_NEXT)
                }
                return code == MDB_NOTFOUND ? 0 : code
            }
        }
        if code != 0 { throw LMDBTable.error("remove entries from \(path)", code) }
        return hasMore
    }

    /// Runs `body` in a write transaction, which is taken back when it gives an error.
    @unsafe private func change(_ body: (OpaquePointer) -> Int32) -> Int32 {
        var transaction: OpaquePointer?
        var code = unsafe mdb_txn_begin(environment, nil, 0, &transaction)
        guard code == 0 else { return code }
        var cursor: OpaquePointer?
        code = unsafe mdb_cursor_open(transaction, database, &cursor)
        if code == 0, let cursor = unsafe cursor {
            code = unsafe body(cursor)
            unsafe mdb_cursor_close(cursor)
        }
        guard code == 0 else {
            unsafe mdb_txn_abort(transaction)
            return code
        }
        return unsafe mdb_txn_commit(transaction)
    }

    // MARK: Looking

    package func read() throws(DiskTableError) -> any DiskTableReading {
        var transaction: OpaquePointer?
        var code = unsafe mdb_txn_begin(environment, nil, LMDBTable.readOnly, &transaction)
        guard code == 0, let begun = unsafe transaction else { throw LMDBTable.error("read \(path)", code) }
        var cursor: OpaquePointer?
        code = unsafe mdb_cursor_open(begun, database, &cursor)
        guard code == 0, let opened = unsafe cursor else {
            unsafe mdb_txn_abort(begun)
            throw LMDBTable.error("read \(path)", code)
        }
        return unsafe LMDBReading(self, begun, opened)
    }

    package var byteCount: Int {
        var info = unsafe MDB_envinfo()
        var stat = MDB_stat()
        guard unsafe mdb_env_info(environment, &info) == 0, unsafe mdb_env_stat(environment, &stat) == 0 else { return 0 }
        return unsafe (info.me_last_pgno + 1) * Int(stat.ms_psize)
    }

    fileprivate var name: String { path }
}

/// A read transaction.
@safe private final class LMDBReading: DiskTableReading {
    /// Kept open as long as this lives.
    private let table: LMDBTable
    private let transaction: OpaquePointer
    private let cursor: OpaquePointer

    @unsafe init(_ table: LMDBTable, _ transaction: OpaquePointer, _ cursor: OpaquePointer) {
        self.table = table
        unsafe self.transaction = transaction
        unsafe self.cursor = cursor
    }

    deinit {
        unsafe mdb_cursor_close(cursor)
        unsafe mdb_txn_abort(transaction)
    }

    func find(_ entries: inout EntryList, from first: Int) throws(DiskTableError) -> Int {
        var size = 0
        for place in first..<entries.count {
            var found = unsafe MDB_val()
            let code = unsafe entries.bytes.withUnsafeBytes { bytes in
                var key = unsafe value(bytes, entries.keys[place])
                return unsafe mdb_cursor_get(cursor, &key, &found, MDB_SET)
            }
            if code == MDB_NOTFOUND { continue }
            if code != 0 { throw LMDBTable.error("read \(table.name)", code) }
            let start = entries.bytes.count
            unsafe entries.bytes.append(contentsOf: UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size))
            entries.setValue(place, from: start)
            size += unsafe found.mv_size
            if size > DiskTableLimits.sliceBytes { return place + 1 }
        }
        return entries.count
    }

    func lastKey() throws(DiskTableError) -> [UInt8]? {
        var (key, found) = unsafe (MDB_val(), MDB_val())
        let code = unsafe mdb_cursor_get(cursor, &key, &found, MDB_LAST)
        if code == MDB_NOTFOUND { return nil }
        if code != 0 { throw LMDBTable.error("read \(table.name)", code) }
        return unsafe Array(UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size))
    }

    func append(to entries: inout EntryList, prefix: [UInt8], after key: [UInt8]?, atMost count: Int) throws(DiskTableError) -> Bool {
        var (place, found) = unsafe (MDB_val(), MDB_val())
        var code = unsafe (key ?? prefix).withUnsafeBytes { bytes in
            unsafe place = value(bytes, ByteRange(start: 0, length: Int32(clamping: bytes.count)))
            // The cursor's answer replaces the key by one of the table.
            return unsafe mdb_cursor_get(cursor, &place, &found, bytes.isEmpty ? MDB_FIRST : MDB_SET_RANGE)
        }
        if code == 0, let key, unsafe UnsafeRawBufferPointer(start: place.mv_data, count: place.mv_size).elementsEqual(key) {
            code = unsafe mdb_cursor_get(cursor, &place, &found, MDB_NEXT)
        }
        var (size, added) = (0, 0)
        while code == 0, unsafe prefix.withUnsafeBytes({ unsafe begins(place, $0) }) {
            if added >= count || size > DiskTableLimits.sliceBytes { return true }
            let start = entries.bytes.count
            unsafe entries.bytes.append(contentsOf: UnsafeRawBufferPointer(start: place.mv_data, count: place.mv_size))
            let middle = entries.bytes.count
            unsafe entries.bytes.append(contentsOf: UnsafeRawBufferPointer(start: found.mv_data, count: found.mv_size))
            entries.append(keyFrom: start, valueFrom: middle)
            size += unsafe found.mv_size
            added += 1
            code = unsafe mdb_cursor_get(cursor, &place, &found, MDB_NEXT)
        }
        if code != 0, code != MDB_NOTFOUND { throw LMDBTable.error("read \(table.name)", code) }
        return false
    }
}

/// The bytes of a range; none for a null one.
@unsafe private func value(_ bytes: UnsafeRawBufferPointer, _ range: ByteRange) -> MDB_val {
    unsafe MDB_val(
        mv_size: range.indexes.count,
        mv_data: range.isNull ? nil : UnsafeMutableRawPointer(mutating: bytes.baseAddress.map { unsafe $0 + range.indexes.lowerBound }))
}

/// Whether a key begins with these bytes.
@unsafe private func begins(_ key: MDB_val, _ prefix: UnsafeRawBufferPointer) -> Bool {
    guard unsafe key.mv_size >= prefix.count else { return false }
    return unsafe UnsafeRawBufferPointer(start: key.mv_data, count: prefix.count).elementsEqual(prefix)
}
