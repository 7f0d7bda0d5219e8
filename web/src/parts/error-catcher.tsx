import { Component, type ReactNode } from 'react'
import { Problem } from './problem.tsx'

/** A fault while drawing takes away only what is inside; the rest of the page, and a running call, go on. */
export class ErrorCatcher extends Component<Readonly<{ children: ReactNode }>, Readonly<{ error: unknown }>> {
  override state: Readonly<{ error: unknown }> = { error: null }

  static getDerivedStateFromError(error: unknown): Readonly<{ error: unknown }> {
    return { error }
  }

  override render(): ReactNode {
    if (this.state.error === null) return this.props.children
    return <Problem error={this.state.error} onRetry={() => this.setState({ error: null })} />
  }
}
