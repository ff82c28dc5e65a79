import type { ComponentChildren } from 'preact';

/** A column's heading; numbers stand to the right. */
export interface Column {
  readonly title: string;
  readonly numeric?: boolean;
  readonly class?: string;
  /** Whether its cells are clear without the column title, which a narrow screen leaves out. */
  readonly isPlain?: boolean;
}

/** A row: a cell for each column, the first of which names the row. */
export interface Row {
  readonly id: string;
  readonly cells: readonly ComponentChildren[];
}

interface TableProps {
  /** The caption for screen readers. */
  readonly label: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** A table. On a narrow screen each row becomes a block of title and value. */
export function Table({ label, columns, rows }: TableProps) {
  return (
    <div class="scroll" role="region" aria-label={label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" {...classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ id, cells }) => (
            <tr key={id}>
              {columns.map((column, index) => (
                <Cell key={column.title} column={column} isHead={index === 0}>
                  {cells[index]}
                </Cell>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classOf({ numeric, class: name }: Column): { class?: string } {
  const names = [numeric ? 'number' : '', name ?? ''].filter((each) => each !== '').join(' ');
  return names === '' ? {} : { class: names };
}

interface CellProps {
  readonly column: Column;
  readonly isHead: boolean;
  readonly children: ComponentChildren;
}

function Cell({ column, isHead, children }: CellProps) {
  if (isHead) {
    return (
      <th scope="row" {...classOf(column)}>
        {children}
      </th>
    );
  }
  return (
    <td {...(column.isPlain ? {} : { 'data-label': column.title })} {...classOf(column)}>
      {children}
    </td>
  );
}

/** A name from outside: truncated if too long, complete in its tooltip. */
export function Name({ children }: { readonly children: string }) {
  return (
    <span class="name" title={children}>
      {children}
    </span>
  );
}

interface FirstRowsProps extends TableProps {
  /** Number of rows shown before the rest is unfolded. */
  readonly shown: number;
}

/** The first rows of a table; the others unfold. */
export function FirstRows({ shown, rows, label, columns }: FirstRowsProps) {
  const others = rows.slice(shown);
  return (
    <>
      <Table label={label} columns={columns} rows={rows.slice(0, shown)} />
      {others.length === 0 ? null : (
        <details>
          <summary>{others.length} more</summary>
          <Table label={`${label}, the others`} columns={columns} rows={others} />
        </details>
      )}
    </>
  );
}
